// The flags that say which traces are replayed and what is done to them first: the same for every
// subcommand that takes traces.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kvstore/base/time.h"
#include "scheduler/simulator/trace.h"

namespace CLI {
class App;
}

namespace cairn {

struct TraceFlags {
  std::vector<std::string> files;
  std::string format = "auto";
  std::string lengths;
  std::string workload;
  Duration servegen_from;
  Duration servegen_length = Seconds(3600);
  bool share_heads = false;

  uint64_t seed = 1;
  double rate_rps = 0;
  double speed = 1;
  bool poisson = false;
  Duration think_max;  // 0: as it is
  std::string ticks = "auto";
  Duration from;
  Duration until;  // 0: to the end
  uint64_t first_request = 0;
  uint64_t request_count = 0;
  uint64_t repeat_to = 0;
  uint64_t warm_up_requests = 0;
  uint32_t input_tokens_max = 0;
  uint32_t block_tokens = 0;
  bool permute_ids = false;
  std::vector<std::string> assign_classes;  // NAME=PERCENT
  uint32_t assign_tenants = 0;              // 0: as they are
};

// The positional files and all flags, in groups of --help.
void AddTraceFlags(CLI::App& app, TraceFlags& flags);

// Reads each file, makes one trace of them and shapes it. Trace::history says all that was done.
absl::StatusOr<Trace> LoadTrace(const TraceFlags& flags);

// The two halves of it, for those who shape one trace in several ways.
absl::StatusOr<Trace> ReadTraces(const TraceFlags& flags);
absl::Status ShapeTrace(Trace& trace, const TraceFlags& flags);

}  // namespace cairn
