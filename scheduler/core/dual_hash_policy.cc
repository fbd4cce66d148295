#include "scheduler/core/dual_hash_policy.h"

#include <algorithm>
#include <vector>

namespace cairn {

DualHashPolicy::DualHashPolicy(const RoutingOptions& options, uint32_t block_tokens)
    : options_(options),
      keys_({.stride_blocks = std::max(1u, options.affinity_tokens / block_tokens)}),
      hash_(options.homes) {}

void DualHashPolicy::LearnWorkers(const FleetView& fleet) {
  if (met_ && membership_ == fleet.membership) return;
  met_ = true;
  membership_ = fleet.membership;
  std::vector<NodeId> nodes;
  for (const WorkerView* worker : fleet.workers) nodes.push_back(worker->node);
  hash_.SetWorkers(nodes);
}

RouteChoice DualHashPolicy::Route(const RouteRequest& request, const FleetView& fleet) {
  LearnWorkers(fleet);
  const auto workers = static_cast<uint32_t>(fleet.workers.size());
  const BlockKey key =
      request.chain.empty() ? KeyWithoutPrefix(request.id) : keys_.Observe(request.chain, workers);
  const bool far = options_.far_holder_age > Duration();
  BestMatch best;
  if (far || options_.cost.fetch_token > Duration()) best = fleet.index.Best(request.chain);
  RouteChoice choice = ChooseAmong(hash_.Find(key), request, fleet, best.blocks);
  if (far) ConsiderFarHolders(request, fleet, best, choice);
  return choice;
}

Homes DualHashPolicy::HomesOf(const RouteRequest& request, const FleetView& fleet) {
  LearnWorkers(fleet);
  return hash_.Find(request.chain.empty() ? KeyWithoutPrefix(request.id)
                                          : keys_.Find(request.chain));
}

RouteChoice DualHashPolicy::ChooseAmong(const Homes& homes, const RouteRequest& request,
                                        const FleetView& fleet, uint32_t best_blocks) const {
  RouteChoice warm, cheap;
  for (size_t i = 0; i < homes.size(); ++i) {
    const size_t worker = homes[i];
    const PrefixMatch match = fleet.index.Match(fleet.workers[worker]->holder, request.chain);
    const RouteCost cost = CostOf(request, fleet, worker, match, best_blocks, options_.cost);
    // Between equals the first home is taken, not the lower node: which of a key's homes is the
    // first is chance, the same for every scheduler, and so a quiet cluster fills evenly.
    if (i == 0 || cost.ttft() < cheap.cost.ttft()) cheap = {worker, RouteReason::kLoad, cost};
    if (i == 0 || cost.hit_tokens > warm.cost.hit_tokens) {
      warm = {worker, RouteReason::kAffinity, cost};
    }
  }
  if (warm.cost.hit_tokens < cheap.cost.hit_tokens + options_.affinity_gain_tokens) return cheap;
  const Duration target = request.ttft_slo > Duration() ? request.ttft_slo : options_.ttft_slo;
  if (warm.cost.ttft() <= target * options_.affinity_percent / 100) return warm;
  if (cheap.worker != warm.worker) cheap.reason = RouteReason::kPressure;
  return cheap;
}

void DualHashPolicy::ConsiderFarHolders(const RouteRequest& request, const FleetView& fleet,
                                        const BestMatch& best, RouteChoice& choice) const {
  const uint64_t best_tokens = uint64_t{best.blocks} * fleet.block_tokens;
  if (best_tokens < 2 * uint64_t{choice.cost.hit_tokens} + options_.affinity_gain_tokens) return;
  for (size_t worker = 0; worker < fleet.workers.size(); ++worker) {
    const WorkerView& view = *fleet.workers[worker];
    if (fleet.now - view.heard > options_.far_holder_age) continue;
    if (std::ranges::find(best.holders, view.holder) == best.holders.end()) continue;
    const RouteCost cost = CostAt(request, fleet, worker, options_.cost);
    if (cost.ttft() < choice.cost.ttft()) choice = {worker, RouteReason::kFarHolder, cost};
  }
}

}  // namespace cairn
