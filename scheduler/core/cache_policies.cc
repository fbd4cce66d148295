#include "scheduler/core/cache_policies.h"

#include <algorithm>
#include <utility>

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
  RouteChoice choice;
  for (size_t worker = 0; worker < fleet.workers.size(); ++worker) {
    const PrefixMatch match = matches_.of(fleet.workers[worker]->holder);
    const RouteCost cost =
        CostOf(request, fleet, worker, match, matches_.best_blocks(), options_.cost);
    if (worker > 0 && cost.ttft() >= choice.cost.ttft()) continue;
    choice = {worker, RouteReason::kLoad, cost};
  }
  return choice;
}

void E2Policy::LearnWorkers(const FleetView& fleet) {
  if (met_ && membership_ == fleet.membership) return;
  met_ = true;
  membership_ = fleet.membership;
  std::vector<Window> windows;
  size_t old = 0;
  for (const WorkerView* worker : fleet.workers) {
    while (old < windows_.size() && windows_[old].node < worker->node) ++old;
    const bool same = old < windows_.size() && windows_[old].node == worker->node &&
                      windows_[old].epoch == worker->epoch;
    windows.push_back(same ? windows_[old] : Window{.node = worker->node, .epoch = worker->epoch});
  }
  windows_ = std::move(windows);
}

int64_t E2Policy::WorkOf(size_t worker, int64_t slice) {
  Window& window = windows_[worker];
  for (int64_t passed = std::min(slice - window.slice, kSlices); passed > 0; --passed) {
    int64_t& oldest = window.work_ns[static_cast<size_t>((slice - passed + 1) % kSlices)];
    window.sum_ns -= std::exchange(oldest, 0);
  }
  window.slice = std::max(window.slice, slice);
  return window.sum_ns;
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
  LearnWorkers(fleet);
  fleet.index.MatchAll(request.chain, matches_);
  const int64_t slice_ns = std::max<int64_t>(1, options_.e2_window.nanoseconds() / kSlices);
  const int64_t slice = fleet.now.nanoseconds() / slice_ns;
  const uint64_t cached = uint64_t{matches_.best_blocks()} * fleet.block_tokens;
  const bool exploit = 2 * cached > request.prompt_tokens;
  RouteChoice choice;
  int64_t least = 0;
  bool any = false;
  for (size_t worker = 0; worker < fleet.workers.size(); ++worker) {
    const WorkerView& view = *fleet.workers[worker];
    const PrefixMatch match = matches_.of(view.holder);
    if (exploit && match.blocks < matches_.best_blocks()) continue;
    const RouteCost cost =
        CostOf(request, fleet, worker, match, matches_.best_blocks(), options_.cost);
    int64_t price = WorkOf(worker, slice);
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
  WorkOf(choice.worker, slice);
  Window& window = windows_[choice.worker];
  const int64_t work_ns = choice.cost.prefill.nanoseconds();
  window.work_ns[static_cast<size_t>(slice % kSlices)] += work_ns;
  window.sum_ns += work_ns;
  return choice;
}

}  // namespace cairn
