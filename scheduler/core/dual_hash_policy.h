// The default policy: a prompt's affinity key has two homes. The warmer one is kept as long as its
// predicted time to the first token stays below the target; when it does not, the cheaper one is
// taken. So prompts meet their cache while all is well, and load spreads over two independent
// workers a key when it is not (DualMap, arXiv 2602.06502). Only the pair is looked at: what a
// scheduler does not know about the rest cannot mislead it.
#pragma once

#include "scheduler/core/affinity_key.h"
#include "scheduler/core/dual_hash.h"
#include "scheduler/core/routing_policy.h"

namespace cairn {

class DualHashPolicy final : public RoutingPolicy {
 public:
  DualHashPolicy(const RoutingOptions& options, uint32_t block_tokens);
  RouteChoice Route(const RouteRequest& request, const FleetView& fleet) override;
  Homes HomesOf(const RouteRequest& request, const FleetView& fleet) override;

 private:
  void LearnWorkers(const FleetView& fleet);
  RouteChoice ChooseAmong(const Homes& homes, const RouteRequest& request, const FleetView& fleet,
                          uint32_t best_blocks) const;
  void ConsiderFarHolders(const RouteRequest& request, const FleetView& fleet,
                          const BestMatch& best, RouteChoice& choice) const;

  const RoutingOptions options_;
  AffinityKeys keys_;
  DualHash hash_;
  uint64_t membership_ = 0;
  bool met_ = false;
};

}  // namespace cairn
