#include "scheduler/core/dual_map_policy.h"

namespace cairn {

DualMapPolicy::DualMapPolicy(const RoutingOptions& options, uint32_t block_tokens)
    : options_(options), homes_(options, block_tokens) {}

RouteChoice DualMapPolicy::Route(const RouteRequest& request, const FleetView& fleet) {
  const Homes homes = homes_.Observe(request, fleet);
  return ChooseAmong(homes, request, fleet, LendersOf(request, fleet.index, options_.cost).blocks);
}

RouteChoice DualMapPolicy::ChooseAmong(const Homes& homes, const RouteRequest& request,
                                       const FleetView& fleet, uint32_t lent_blocks) const {
  RouteChoice warm, cheap;
  for (size_t i = 0; i < homes.size(); ++i) {
    const size_t worker = homes[i];
    const PrefixMatch match = fleet.index.Match(fleet.workers[worker]->holder, request.chain);
    const RouteCost cost = CostOf(request, fleet, worker, match, lent_blocks, options_.cost);
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

}  // namespace cairn
