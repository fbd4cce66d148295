// What a request would cost on a worker, in integer nanoseconds: wait for what is ahead, bring what
// is held elsewhere, compute what is held nowhere. Equal views give equal costs on every machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kvstore/base/time.h"
#include "scheduler/core/fleet_view.h"

namespace cairn {

struct RouteCostOptions {
  Duration fetch_token;            // bringing one token's KV from another worker; zero: never done
  Duration fetch_call;             // and of each time that it is done
  uint32_t fetch_tokens_min = 64;  // fewer are not worth a word
  Duration promote_token;          // from this worker's DRAM tier to its device
};

struct RouteCost {
  Duration queue;
  Duration fetch;  // from other workers and from the DRAM tier
  Duration prefill;
  uint32_t hit_tokens = 0;    // of the prompt, on this worker, in any tier
  uint32_t fetch_tokens = 0;  // of the prompt, that another worker lends
  uint64_t work_tokens =
      0;  // to be computed; at least one, for the last token gives the first answer

  Duration ttft() const { return queue + fetch + prefill; }
};

// Who could lend most of the request's chain: what holders have said that they have on the device,
// not what is only expected there. Nobody where fetching is not done.
BestMatch LendersOf(const RouteRequest& request, const PrefixIndex& index,
                    const RouteCostOptions& options);

// The same, looking the worker's match up (and what could be lent, where fetching is done).
RouteCost CostAt(const RouteRequest& request, const FleetView& fleet, size_t worker,
                 const RouteCostOptions& options);

// `known` is what the index says that the worker holds of the request's chain, `lent_blocks` what
// somebody could lend.
RouteCost CostOf(const RouteRequest& request, const FleetView& fleet, size_t worker,
                 const PrefixMatch& known, uint32_t lent_blocks, const RouteCostOptions& options);

}  // namespace cairn
