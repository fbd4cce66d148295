// What schedulers of a virtual cluster are told that fetching costs: what its links take.
#pragma once

#include "scheduler/core/route_cost.h"
#include "scheduler/simulator/cluster_options.h"
#include "scheduler/simulator/step_cost.h"

namespace cairn {

// KV goes over this link, between any two workers.
PeerOptions PeersOver(KvLink link, const StepCost& cost, uint32_t block_tokens);

// Schedulers let workers fetch what others have cached, and know what that takes while links are
// free. REQUIRES: the link is there.
void LetFetch(KvLink link, const StepCost& cost, uint32_t block_tokens, ClusterOptions& cluster);

}  // namespace cairn
