// The flags that say what clients are promised and how tenants share: the same for what serves and
// for what simulates.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kvstore/base/time.h"
#include "scheduler/core/scheduler_core.h"

namespace CLI {
class App;  // a large header, which only those include who add options
}

namespace cairn {

struct ClassFlags {
  std::vector<std::string> classes;  // NAME=TTFT,TPOT[,PRIORITY]
  std::string default_class = "standard";
  Duration priority_ageing = Seconds(10);
  uint32_t shorter_first_percent = 100;
  std::vector<std::string> tenant_weights;  // NAME=WEIGHT
  uint32_t tenant_percent = 100;
};

void AddClassFlags(CLI::App& app, ClassFlags& flags);

// "interactive=500ms,40ms" or "agents=2s,0,-1": a target of 0 is none.
absl::StatusOr<LatencyClass> ParseLatencyClass(const std::string& text);

// Writes what the flags say into the limits. InvalidArgument names the flag.
absl::Status ApplyClassFlags(const ClassFlags& flags, SchedulerLimits& limits);

}  // namespace cairn
