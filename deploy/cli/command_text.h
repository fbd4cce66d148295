// A subcommand as it would be typed: what a report says so that its run can be repeated, wherever
// its options came from.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace cairn {

// "cairn simulate trace.jsonl --workers 16", of options that are not at their default. Words that a
// shell would change are quoted.
std::string CommandText(const CLI::App& app);

}  // namespace cairn
