#include "scheduler/core/load_policies.h"

#include <algorithm>

namespace cairn {

RouteChoice RoundRobinPolicy::Route(const RouteRequest& request, const FleetView& fleet) {
  const size_t worker = turn_++ % fleet.workers.size();
  return {worker, RouteReason::kTurn, CostAt(request, fleet, worker, options_.cost)};
}

RouteChoice LeastLoadedPolicy::Route(const RouteRequest& request, const FleetView& fleet) {
  size_t best = 0;
  uint64_t best_ahead = fleet.workers[0]->TokensAhead(fleet.now);
  for (size_t worker = 1; worker < fleet.workers.size(); ++worker) {
    const uint64_t ahead = fleet.workers[worker]->TokensAhead(fleet.now);
    if (ahead >= best_ahead) continue;
    best = worker;
    best_ahead = ahead;
  }
  return {best, RouteReason::kLoad, CostAt(request, fleet, best, options_.cost)};
}

RouteChoice RandomTwoPolicy::Route(const RouteRequest& request, const FleetView& fleet) {
  const size_t workers = fleet.workers.size();
  size_t one = prng_.Below(workers);
  if (workers > 1) {
    size_t other = prng_.Below(workers - 1);
    if (other >= one) ++other;
    const uint64_t one_ahead = fleet.workers[one]->TokensAhead(fleet.now);
    const uint64_t other_ahead = fleet.workers[other]->TokensAhead(fleet.now);
    if (other_ahead < one_ahead || (other_ahead == one_ahead && other < one)) one = other;
  }
  return {one, RouteReason::kLoad, CostAt(request, fleet, one, options_.cost)};
}

}  // namespace cairn
