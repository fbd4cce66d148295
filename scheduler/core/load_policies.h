// Policies that do not look at the cache to choose.
#pragma once

#include "kvstore/base/prng.h"
#include "scheduler/core/routing_policy.h"

namespace cairn {

class RoundRobinPolicy final : public RoutingPolicy {
 public:
  explicit RoundRobinPolicy(const RoutingOptions& options) : options_(options) {}
  RouteChoice Route(const RouteRequest& request, const FleetView& fleet) override;
  std::vector<size_t> CandidatesOf(const RouteRequest&, const FleetView&) override { return {}; }
  Homes HomesOf(const RouteRequest&, const FleetView&) override { return {}; }

 private:
  const RoutingOptions options_;
  uint64_t turn_ = 0;
};

class LeastLoadedPolicy final : public RoutingPolicy {
 public:
  explicit LeastLoadedPolicy(const RoutingOptions& options) : options_(options) {}
  RouteChoice Route(const RouteRequest& request, const FleetView& fleet) override;
  Homes HomesOf(const RouteRequest&, const FleetView&) override { return {}; }

 private:
  const RoutingOptions options_;
};

class RandomTwoPolicy final : public RoutingPolicy {
 public:
  explicit RandomTwoPolicy(const RoutingOptions& options)
      : options_(options), prng_(options.seed) {}
  RouteChoice Route(const RouteRequest& request, const FleetView& fleet) override;
  Homes HomesOf(const RouteRequest&, const FleetView&) override { return {}; }

 private:
  const RoutingOptions options_;
  Prng prng_;
};

}  // namespace cairn
