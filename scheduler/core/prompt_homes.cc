#include "scheduler/core/prompt_homes.h"

#include <algorithm>
#include <vector>

#include "scheduler/core/routing_policy.h"

namespace cairn {

PromptHomes::PromptHomes(const RoutingOptions& options, uint32_t block_tokens)
    : keys_({.stride_blocks = std::max(1u, options.affinity_tokens / block_tokens)}),
      hash_(options.homes) {}

void PromptHomes::LearnWorkers(const FleetView& fleet) {
  if (met_ && membership_ == fleet.membership) return;
  met_ = true;
  membership_ = fleet.membership;
  std::vector<NodeId> nodes;
  for (const WorkerView* worker : fleet.workers) nodes.push_back(worker->node);
  hash_.SetWorkers(nodes);
}

Homes PromptHomes::Observe(const RouteRequest& request, const FleetView& fleet) {
  LearnWorkers(fleet);
  if (request.chain.empty()) return hash_.Find(KeyWithoutPrefix(request.id));
  return hash_.Find(keys_.Observe(request.chain, static_cast<uint32_t>(fleet.workers.size())));
}

Homes PromptHomes::Find(const RouteRequest& request, const FleetView& fleet) {
  LearnWorkers(fleet);
  return hash_.Find(request.chain.empty() ? KeyWithoutPrefix(request.id)
                                          : keys_.Find(request.chain));
}

}  // namespace cairn
