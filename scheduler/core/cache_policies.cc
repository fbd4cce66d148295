#include "scheduler/core/cache_policies.h"

#include <algorithm>

namespace cairn {

PrefixAffinityPolicy::PrefixAffinityPolicy(const RoutingOptions& options, uint32_t block_tokens)
    : options_(options),
      keys_({.stride_blocks = std::max(1u, options.affinity_tokens / block_tokens)}) {}

RouteChoice PrefixAffinityPolicy::Route(const RouteRequest& request, const FleetView& fleet) {
  const size_t workers = fleet.workers.size();
  const BlockKey key = request.chain.empty()
                           ? KeyWithoutPrefix(request.id)
                           : keys_.Observe(request.chain, static_cast<uint32_t>(workers));
  uint64_t sum = request.prompt_tokens;
  for (const WorkerView* worker : fleet.workers) sum += worker->TokensAhead(fleet.now);
  // The least loaded worker is never above the mean, so somebody is always within the bound.
  const uint64_t bound =
      std::max(options_.bounded_load_floor_tokens,
               sum * std::max(100u, options_.bounded_load_percent) / (100 * uint64_t{workers}) + 1);
  size_t home = 0, best = 0;
  uint64_t home_score = 0, best_score = 0;
  bool any = false;
  for (size_t worker = 0; worker < workers; ++worker) {
    const uint64_t score = RendezvousScore(key, 1, fleet.workers[worker]->node);
    if (worker == 0 || score > home_score) {
      home = worker;
      home_score = score;
    }
    if (any && score <= best_score) continue;
    if (fleet.workers[worker]->TokensAhead(fleet.now) > bound) continue;
    best = worker;
    best_score = score;
    any = true;
  }
  return {best, best == home ? RouteReason::kAffinity : RouteReason::kPressure,
          CostAt(request, fleet, best, options_.cost)};
}

RouteChoice MinTtftPolicy::Route(const RouteRequest& request, const FleetView& fleet) {
  fleet.index.MatchAll(request.chain, matches_);
  const uint32_t lent = LendersOf(request, fleet.index, options_.cost).blocks;
  RouteChoice choice;
  for (size_t worker = 0; worker < fleet.workers.size(); ++worker) {
    const PrefixMatch match = matches_.of(fleet.workers[worker]->holder);
    const RouteCost cost = CostOf(request, fleet, worker, match, lent, options_.cost);
    if (worker > 0 && cost.ttft() >= choice.cost.ttft()) continue;
    choice = {worker, RouteReason::kLoad, cost};
  }
  return choice;
}

// Tokens that do not fit into what is free push out others, which are worth their prefill times the
// share of the prompts' tokens that this worker was seen to find cached.
int64_t E2Policy::EvictionLoss(const WorkerView& view, const FleetView& fleet,
                               uint64_t tokens) const {
  const uint64_t free = uint64_t{view.load.device_slots_free} * fleet.block_tokens;
  if (tokens <= free || view.load.lookup_tokens == 0) return 0;
  const uint64_t hits = view.load.hit_device_tokens + view.load.hit_dram_tokens;
  const auto share_ppm = static_cast<int64_t>(hits * 1'000'000 / view.load.lookup_tokens);
  const int64_t prefill_ns = view.cost.token().nanoseconds() * static_cast<int64_t>(tokens - free);
  return prefill_ns / 1'000 * share_ppm / 1'000;
}

RouteChoice E2Policy::Route(const RouteRequest& request, const FleetView& fleet) {
  sent_.Learn(fleet);
  fleet.index.MatchAll(request.chain, matches_);
  const uint32_t lent = LendersOf(request, fleet.index, options_.cost).blocks;
  const uint64_t cached = uint64_t{matches_.best_blocks()} * fleet.block_tokens;
  const bool exploit = 100 * cached > options_.e2_exploit_percent * uint64_t{request.prompt_tokens};
  RouteChoice choice;
  int64_t least = 0;
  bool any = false;
  for (size_t worker = 0; worker < fleet.workers.size(); ++worker) {
    const WorkerView& view = *fleet.workers[worker];
    const PrefixMatch match = matches_.of(view.holder);
    if (exploit && match.blocks < matches_.best_blocks()) continue;
    const RouteCost cost = CostOf(request, fleet, worker, match, lent, options_.cost);
    int64_t price = sent_.Of(worker).nanoseconds();
    if (!exploit) {
      price +=
          (cost.prefill + cost.fetch).nanoseconds() + EvictionLoss(view, fleet, cost.work_tokens);
    }
    if (any && price >= least) continue;
    any = true;
    least = price;
    choice = {worker, exploit ? RouteReason::kAffinity : RouteReason::kLoad, cost};
  }
  // A best match that no worker of the fleet has: its holder has just left.
  if (!any) choice = {0, RouteReason::kLoad, CostAt(request, fleet, 0, options_.cost)};
  sent_.Add(choice.worker, choice.cost.prefill);
  return choice;
}

}  // namespace cairn
