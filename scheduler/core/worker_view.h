// What the scheduler knows of one worker: its last word, and what was given to it since.
#pragma once

#include <cstdint>

#include "kvstore/base/ids.h"
#include "kvstore/base/report.h"
#include "kvstore/base/time.h"

namespace cairn {

struct WorkerView {
  NodeId node;
  Epoch epoch;
  WorkerLoad load;
  Instant heard;  // when `load` arrived
  // Counted from assignment, not from the first word of the worker, so that a burst is seen at once.
  uint32_t unprefilled_requests = 0;
  uint64_t unprefilled_tokens = 0;
  uint32_t live_requests = 0;
  // Cost of one computed token in steps that were mostly prefill, learned from the worker's own steps
  // (exponential average, weight 1/8). Zero: nothing heard yet.
  Duration token_cost;
};

}  // namespace cairn
