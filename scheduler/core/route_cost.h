// What a request would cost on a worker, in integer nanoseconds: wait for what is ahead, bring what
// is held elsewhere, compute what is held nowhere. Equal views give equal costs on every machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kvstore/base/time.h"
#include "scheduler/core/fleet_view.h"

namespace cairn {

struct RouteCostOptions {
  Duration fetch_token;    // bringing one token's KV from another worker; zero: it is never done
  Duration promote_token;  // from this worker's DRAM tier to its device
};

struct RouteCost {
  Duration queue;
  Duration fetch;  // from other workers and from the DRAM tier
  Duration prefill;
  uint32_t hit_tokens = 0;  // of the prompt, on this worker, in any tier
  uint64_t work_tokens =
      0;  // to be computed; at least one, for the last token gives the first answer

  Duration ttft() const { return queue + fetch + prefill; }
};

// The same, looking the worker's match up (and the best one, where fetching is done).
RouteCost CostAt(const RouteRequest& request, const FleetView& fleet, size_t worker,
                 const RouteCostOptions& options);

// `match` is what the worker holds of the request's chain, `best_blocks` what the best holder has.
RouteCost CostOf(const RouteRequest& request, const FleetView& fleet, size_t worker,
                 const PrefixMatch& match, uint32_t best_blocks, const RouteCostOptions& options);

}  // namespace cairn
