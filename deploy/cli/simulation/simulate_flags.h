// The flags of `cairn simulate`.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "deploy/cli/options.h"
#include "deploy/cli/trace_flags.h"
#include "kvstore/base/time.h"
#include "scheduler/simulator/attainment.h"

namespace cairn {

struct SimulateFlags {
  TraceFlags trace;
  uint32_t workers = 4;
  std::string policy = "dual-hash";
  uint32_t schedulers = 1;
  Duration staleness;
  Duration link_delay = Microseconds(200);
  uint64_t kv_tokens = 0;  // 0: what the profile says
  uint64_t dram_tokens = 0;
  uint32_t step_tokens = 2048;
  uint32_t sequences_max = 256;
  std::string profile = "h100-llama-3.1-8b";
  uint32_t seeds = 1;
  SloTarget target = {.ttft = Seconds(5), .tpot = Milliseconds(100)};
  bool goodput = false;
  OutputFormat format = OutputFormat::kText;
};

// The trace's files and all flags, in groups of --help.
void AddSimulateFlags(CLI::App& app, SimulateFlags& flags);

}  // namespace cairn
