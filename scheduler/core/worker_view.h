// What the scheduler knows of one worker: its last word, how old that is, what was given to it
// since, and what its steps were seen to cost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "kvstore/base/ids.h"
#include "kvstore/base/phase_role.h"
#include "kvstore/base/report.h"
#include "kvstore/base/time.h"
#include "kvstore/directory/holder_set.h"
#include "scheduler/core/central_queue.h"
#include "scheduler/core/drain_meter.h"
#include "scheduler/core/learned_cost.h"
#include "scheduler/core/worker_backlog.h"

namespace cairn {

struct WorkerView {
  NodeId node;
  Epoch epoch;
  HolderId holder = kNoHolder;  // in the directory
  PhaseRole role = PhaseRole::kMixed;
  // Its chunk size: prompt tokens that one step computes at most. 0: it is given no prompts.
  uint32_t step_tokens = 512;
  WorkerLoad load;
  Instant heard;                           // when `load` arrived
  std::optional<uint64_t> answered_steps;  // that it had done when it last answered
  // Counted from assignment, not from the first word of the worker, so that a burst is seen at
  // once. Tokens are those expected to be computed, not those in a cache.
  std::map<QueuePlace, uint64_t> unprefilled;  // tokens, in the order in which it computes them
  uint64_t unprefilled_tokens = 0;             // of all
  uint32_t live_requests = 0;
  uint64_t kv_tokens = 0;      // of the requests that this scheduler gave it, or promised
  uint64_t queued_tokens = 0;  // waiting for it in the scheduler, to be computed
  LearnedCost cost;
  DrainMeter drain;  // of prompt tokens to be computed, while there are any on it
  WorkerBacklog backlog;

  // Prompt tokens to be computed before a request that comes now: in the scheduler and on the
  // worker.
  uint64_t TokensAhead(Instant now) const {
    // A worker drains at the pace of whole steps, their fixed part included.
    const uint32_t chunk = step_tokens > 0 ? step_tokens : 1;
    return queued_tokens + backlog.Estimate(now, TimeFor(chunk) / chunk);
  }
  // Of what this scheduler gave it, so much is computed before a request with this place.
  uint64_t UnprefilledBefore(const QueuePlace& place) const {
    uint64_t tokens = 0;
    for (auto at = unprefilled.begin(); at != unprefilled.end() && at->first < place; ++at) {
      tokens += at->second;
    }
    return tokens;
  }
  Duration TimeFor(uint64_t tokens) const { return cost.Of(tokens, step_tokens); }
};

}  // namespace cairn
