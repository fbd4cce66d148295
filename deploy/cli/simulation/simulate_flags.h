// The flags of `cairn simulate`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/cli/class_flags.h"
#include "deploy/cli/output_format.h"
#include "deploy/cli/simulation/phase_flags.h"
#include "deploy/cli/trace_flags.h"
#include "kvstore/base/time.h"
#include "scheduler/simulator/attainment.h"

namespace CLI {
class App;  // a large header, which only those include who add options
}

namespace cairn {

struct SimulateFlags {
  TraceFlags trace;
  uint32_t seeds = 1;

  uint32_t workers = 4;
  std::vector<std::string> policies = {"dual-hash"};
  bool compare = false;  // all policies
  uint32_t schedulers = 1;
  Duration staleness;
  Duration ask_wait = Milliseconds(5);
  Duration link_delay = Microseconds(200);
  uint64_t kv_tokens = 0;  // 0: what the profile says
  uint64_t dram_tokens = 0;
  uint32_t step_tokens = 2048;
  uint32_t sequences_max = 256;
  std::string profile = "h100-llama-3.1-8b";
  bool fetch = false;
  std::vector<std::string> events;  // event_script.h
  std::string events_file;

  SloTarget target = {.ttft = Seconds(5), .tpot = Milliseconds(100)};
  double attainment = 0.9;  // the share of requests that must be within the targets

  std::string rates;  // "4,6,8", "auto" or nothing
  bool goodput = false;
  bool plan = false;
  PhaseFlags phases;
  ClassFlags classes;  // standard's targets are `target`, unless it is given its own
  std::vector<Duration> host_overheads;  // empty: what the profile says
  std::vector<double> networks;          // GB/s

  uint32_t threads = 0;  // 0: as many as there are cores
  std::string html;      // file
  OutputFormat format = OutputFormat::kText;
};

// The trace's files and all flags, in groups of --help.
void AddSimulateFlags(CLI::App& app, SimulateFlags& flags);

}  // namespace cairn
