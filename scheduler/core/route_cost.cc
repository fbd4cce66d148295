#include "scheduler/core/route_cost.h"

#include <algorithm>

namespace cairn {
namespace {

// Tokens of the prompt in so many blocks; the last token is always computed.
uint32_t TokensIn(uint32_t blocks, const RouteRequest& request, const FleetView& fleet) {
  const uint64_t tokens = uint64_t{blocks} * fleet.block_tokens;
  const uint32_t most = request.prompt_tokens > 0 ? request.prompt_tokens - 1 : 0;
  return static_cast<uint32_t>(std::min<uint64_t>(tokens, most));
}

// What the index knows, or what the worker has said itself of a prompt that it is about to compute.
PrefixMatch WithFound(PrefixMatch match, const RouteRequest& request, NodeId worker) {
  for (const PromptFound& answer : request.found) {
    if (answer.worker != worker || answer.blocks <= match.blocks) continue;
    match.device_blocks += answer.blocks - match.blocks;
    match.blocks = answer.blocks;
  }
  return match;
}

}  // namespace

RouteCost CostOf(const RouteRequest& request, const FleetView& fleet, size_t worker,
                 const PrefixMatch& known, uint32_t lent_blocks, const RouteCostOptions& options) {
  const WorkerView& view = *fleet.workers[worker];
  const PrefixMatch match = WithFound(known, request, view.node);
  RouteCost cost;
  const uint64_t ahead = view.TokensAhead(fleet.now);
  cost.queue = view.TimeFor(ahead);
  cost.hit_tokens = TokensIn(match.blocks, request, fleet);
  cost.work_tokens = std::max(1u, request.prompt_tokens - cost.hit_tokens);
  // The last step of what is ahead has room for the head of this prompt: the difference, not the
  // sum.
  cost.prefill = view.TimeFor(ahead + cost.work_tokens) - cost.queue;
  const uint32_t on_device = TokensIn(match.device_blocks, request, fleet);
  const Duration promote =
      options.promote_token * (cost.hit_tokens - std::min(on_device, cost.hit_tokens));
  cost.fetch = promote;

  const uint32_t lent_tokens = TokensIn(lent_blocks, request, fleet);
  if (options.fetch_token == Duration() || lent_tokens <= cost.hit_tokens) return cost;
  const uint32_t missing = lent_tokens - cost.hit_tokens;
  if (missing < options.fetch_tokens_min) return cost;
  const uint64_t rest = std::max(1u, request.prompt_tokens - lent_tokens);
  const Duration fetch = promote + options.fetch_call + options.fetch_token * missing;
  const Duration prefill = view.TimeFor(ahead + rest) - cost.queue;
  if (fetch + prefill < cost.fetch + cost.prefill) {
    cost.fetch = fetch;
    cost.prefill = prefill;
    cost.fetch_tokens = missing;
    cost.work_tokens = rest;
  }
  return cost;
}

BestMatch LendersOf(const RouteRequest& request, const PrefixIndex& index,
                    const RouteCostOptions& options) {
  if (options.fetch_token == Duration()) return {};
  return index.Best(request.chain, MaskOf(Tier::kDevice));
}

RouteCost CostAt(const RouteRequest& request, const FleetView& fleet, size_t worker,
                 const RouteCostOptions& options) {
  const PrefixMatch match = fleet.index.Match(fleet.workers[worker]->holder, request.chain);
  return CostOf(request, fleet, worker, match, LendersOf(request, fleet.index, options).blocks,
                options);
}

}  // namespace cairn
