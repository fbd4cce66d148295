// DualMap as published (arXiv 2602.06502), a rival of the default policy: the warmer of a prompt's
// two homes is kept as long as its predicted time to the first token stays below a share of the
// target; when it does not, the cheaper one is taken. Only the pair is looked at.
#pragma once

#include "scheduler/core/prompt_homes.h"
#include "scheduler/core/routing_policy.h"

namespace cairn {

class DualMapPolicy final : public RoutingPolicy {
 public:
  DualMapPolicy(const RoutingOptions& options, uint32_t block_tokens);
  RouteChoice Route(const RouteRequest& request, const FleetView& fleet) override;
  std::vector<size_t> CandidatesOf(const RouteRequest& request, const FleetView& fleet) override {
    const Homes homes = homes_.Find(request, fleet);
    return {homes.begin(), homes.end()};
  }
  Homes HomesOf(const RouteRequest& request, const FleetView& fleet) override {
    return homes_.Find(request, fleet);
  }

 private:
  RouteChoice ChooseAmong(const Homes& homes, const RouteRequest& request, const FleetView& fleet,
                          uint32_t lent_blocks) const;

  const RoutingOptions options_;
  PromptHomes homes_;
};

}  // namespace cairn
