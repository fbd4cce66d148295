// One cell of the goodput table: a policy on a trace, in a cluster with several schedulers whose
// views are old. Names and numbers as they stand in the table.
//
// Time to the first token is all that is asked for, so a request ends with its first token. And a
// token of the simulation stands for eight of the trace's (blocks of 64 of them, eight times the
// cost of each): blocks, hits and times stay what they are, but for prompts cut to a multiple of
// eight, and a run takes a fifth of the time. `coarse` = 1 undoes that, `outputs` keeps answers.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/goodput.h"
#include "scheduler/simulator/step_cost.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

struct GoodputCell {
  std::string trace = "conversation";  // or "skewed", "agents"
  bool tuning = false;               // the part of the trace, or the seeds, that tables do not use
  std::string policy = "dual-hash";  // and its settings: "dual-hash,affinity=100,homes=3"
  uint32_t workers = 16;
  double staleness_s = 1;
  uint32_t schedulers = 3;
  uint64_t kv_tokens = 1'198'080;  // of each worker
  uint32_t seed = 1;
  std::string profile = "dualmap-7b";
  double overhead_ms = 0;  // of the host, added to every step
  double fetch_gbps = 0;   // workers fetch from each other over such a network; 0: they do not
  double ttft_s = 5;
  double tpot_s = 0;            // 0: only the first token counts
  uint32_t step_tokens = 4096;  // of a worker's step at most
  uint32_t coarse = 8;
  bool outputs = false;
  uint32_t requests = 6000;  // replayed

  SloTarget target() const;
  std::string Name() const;  // says all of it: two cells of one name are one
};

struct GoodputCellResult {
  Goodput goodput;
  double bound_rps = 0;  // the work bound
  // Of the run at the rate found.
  ClusterSummary summary;
  double hit_share = 0;      // of prompt tokens, on the worker itself
  double fetched_share = 0;  // and on others
  double hit_bound = 0;      // of them, with one cache for all that holds everything
};

// Reads (or makes up) the cell's trace: unshaped, not coarse. `folder` holds the public traces.
absl::StatusOr<Trace> ReadCellTrace(const GoodputCell& cell, const std::string& folder);

// The highest rate of the cell, searched from a guess on; 0: from the work bound.
absl::StatusOr<GoodputCellResult> SearchCell(const GoodputCell& cell, const Trace& trace,
                                             double guess_rps);

// One run at one rate.
struct GoodputCellRun {
  ClusterResult result;
  Instant measured_from;
};
absl::StatusOr<GoodputCellRun> RunCell(const GoodputCell& cell, const Trace& trace,
                                       double rate_rps);

}  // namespace cairn
