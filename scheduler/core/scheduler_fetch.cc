// Whose cache a prompt's head is fetched from: the fetching part of the scheduler core.
#include <algorithm>

#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"
#include "scheduler/core/scheduler_core.h"

namespace cairn {

// Who has enough more of the prompt's head than the worker that bringing it takes less time than
// computing it, by what the two have said so far: the request may have waited long since it was
// routed, and what is only expected at either may come late. The worker asks for what is missing
// when it begins.
std::optional<PrefixHolder> SchedulerCore::FindHolder(const WorkerView& worker, Request& request) {
  const RouteCostOptions& options = limits_.routing.cost;
  if (options.fetch_token == Duration()) return std::nullopt;
  const PrefixIndex& index = directory_.index();
  const RouteRequest route = RouteRequestOf(request);
  const BestMatch lenders = LendersOf(route, index, options);
  const WorkerView* const only = &worker;
  const RouteCost cost =
      CostOf(route, FleetOf({&only, 1}, now_), 0,
             index.Match(worker.holder, request.chain, kByItsWord), lenders.blocks, options);
  if (cost.fetch_tokens == 0) return std::nullopt;
  // Of several any, so that not all who come now ask the same one.
  const HolderId lender =
      lenders.holders[SplitMix64(request.body.id.value()) % lenders.holders.size()];
  const auto view = std::ranges::find_if(
      workers_, [lender](const auto& one) { return one.second.holder == lender; });
  CAIRN_CHECK(view != workers_.end());  // whoever is in the directory is a worker
  request.work_tokens = std::min(request.work_tokens, cost.work_tokens);
  ++counts_.fetches;
  counts_.fetch_tokens_expected += cost.fetch_tokens;
  return PrefixHolder{.life = {view->first, view->second.epoch},
                      .blocks = lenders.blocks,
                      .wait = worker.TimeFor(cost.fetch_tokens)};
}

}  // namespace cairn
