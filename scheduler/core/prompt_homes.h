// A prompt's homes: the workers that its affinity key hashes to. Schedulers that have seen the same
// traffic find the same ones, whatever else they know.
#pragma once

#include "scheduler/core/affinity_key.h"
#include "scheduler/core/dual_hash.h"
#include "scheduler/core/fleet_view.h"

namespace cairn {

struct RoutingOptions;

class PromptHomes {
 public:
  PromptHomes(const RoutingOptions& options, uint32_t block_tokens);

  // Of a request that arrives now, and counts.
  Homes Observe(const RouteRequest& request, const FleetView& fleet);
  // Those that it would have now; nothing is counted.
  Homes Find(const RouteRequest& request, const FleetView& fleet);

 private:
  void LearnWorkers(const FleetView& fleet);

  AffinityKeys keys_;
  DualHash hash_;
  uint64_t membership_ = 0;
  bool met_ = false;
};

}  // namespace cairn
