// `cairn trace describe FILE...`: what is in a trace, and the bounds that it sets.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_facts.h"

namespace cairn {

void AddTraceDescribe(CLI::App& trace);

// What the subcommand prints: for a terminal, and the same numbers as JSON.
std::string DescribeAsText(const Trace& trace, const TraceFacts& facts);
std::string DescribeAsJson(const Trace& trace, const TraceFacts& facts);

}  // namespace cairn
