// Who goes on with whose KV: follows every request that is handed from worker to worker, and sees
// whether a strict split is one (placement).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "kvstore/base/assignment.h"
#include "kvstore/base/time.h"
#include "scheduler/core/scheduler_core.h"

namespace cairn::sim {

struct HandoffTally {
  uint64_t begun = 0;            // requests given to a worker that may fetch their KV from another
  uint64_t finished = 0;         // said something there
  uint64_t broken_by_death = 0;  // of either of the two, before
  uint64_t broken_by_cut = 0;    // given to somebody again before, though both live
  uint64_t flowed = 0;           // decodes from a decode-heavy worker to a prefill-heavy one
  uint64_t flowed_back = 0;      // and from there again, or begun there for want of room
};

class HandoffWatch {
 public:
  explicit HandoffWatch(uint32_t schedulers) : alone_until_(schedulers) {}

  void OnArrival(RequestId request, Instant now) { arrived_.emplace(request, now); }
  // Whom the scheduler knows now. Call before OnAssign of what it has decided by that.
  void OnView(uint32_t scheduler, const SchedulerCore& core, Instant now);
  void OnAssign(uint32_t scheduler, const SchedulerCore& core, const Assign& assign, NodeLife to);
  void OnToken(RequestId request) { tally_.finished += moving_.erase(request); }
  void OnEnd(RequestId request);
  void OnDeath(NodeLife worker);

  const HandoffTally& tally() const { return tally_; }

 private:
  struct Handoff {
    NodeLife source;
    NodeLife target;
  };

  void CheckPlacement(uint32_t scheduler, const SchedulerCore& core, const Assign& assign,
                      NodeLife to) const;
  void CountFlow(const SchedulerCore& core, const Assign& assign, NodeLife to);

  // Until then it knew nobody, or nobody but decode-heavy workers.
  std::vector<Instant> alone_until_;  // by scheduler
  std::map<RequestId, Instant> arrived_;
  std::map<RequestId, NodeLife> given_to_;
  std::map<RequestId, Handoff> moving_;
  std::set<RequestId> away_;  // decode on a prefill-heavy worker
  HandoffTally tally_;
};

}  // namespace cairn::sim
