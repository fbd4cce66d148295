// The published policies that look at the cache, as rivals of the default one.
#pragma once

#include "scheduler/core/affinity_key.h"
#include "scheduler/core/routing_policy.h"
#include "scheduler/core/sent_work.h"

namespace cairn {

// One home a key, by the same adaptive key as the default policy; where the home is loaded beyond
// the bound, the key's next best worker that is not (consistent hashing with bounded loads,
// Mirrokni et al., 2018; what SMG, KubeAI and others ship).
class PrefixAffinityPolicy final : public RoutingPolicy {
 public:
  PrefixAffinityPolicy(const RoutingOptions& options, uint32_t block_tokens);
  RouteChoice Route(const RouteRequest& request, const FleetView& fleet) override;
  Homes HomesOf(const RouteRequest&, const FleetView&) override { return {}; }

 private:
  const RoutingOptions options_;
  AffinityKeys keys_;
};

// The lowest predicted time to the first token of all workers, with the best match anywhere as what
// could be fetched (Mooncake's Algorithm 1).
class MinTtftPolicy final : public RoutingPolicy {
 public:
  explicit MinTtftPolicy(const RoutingOptions& options) : options_(options) {}
  RouteChoice Route(const RouteRequest& request, const FleetView& fleet) override;
  Homes HomesOf(const RouteRequest&, const FleetView&) override { return {}; }

 private:
  const RoutingOptions options_;
  PrefixMatches matches_;
};

// Exploit: where more of the prompt is cached than missing, its longest holder with the least work
// of the last minutes. Explore: the least sum of that work, of what its own prefill takes, and of
// what the blocks that it would evict are worth (Preble's E2, without its rebalancing).
class E2Policy final : public RoutingPolicy {
 public:
  explicit E2Policy(const RoutingOptions& options) : options_(options), sent_(options.e2_window) {}
  RouteChoice Route(const RouteRequest& request, const FleetView& fleet) override;
  void TakeBack(const RouteChoice& choice) override {
    sent_.TakeBack(choice.worker, choice.cost.prefill);
  }
  Homes HomesOf(const RouteRequest&, const FleetView&) override { return {}; }

 private:
  int64_t EvictionLoss(const WorkerView& view, const FleetView& fleet, uint64_t tokens) const;

  const RoutingOptions options_;
  PrefixMatches matches_;
  SentWork sent_;
};

}  // namespace cairn
