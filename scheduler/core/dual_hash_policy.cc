#include "scheduler/core/dual_hash_policy.h"

#include <algorithm>

#include "kvstore/base/prng.h"

namespace cairn {

// The cheapest of those looked at so far; between equals the first. Homes come first, and which of
// a key's homes is the first is chance, the same for every scheduler: so a quiet cluster fills
// evenly.
class DualHashPolicy::Candidates {
 public:
  Candidates(const RouteRequest& request, const FleetView& fleet, uint32_t lent_blocks,
             const RoutingOptions& options, const SentWork& sent)
      : request_(request),
        fleet_(fleet),
        lent_blocks_(lent_blocks),
        options_(options),
        sent_(sent) {}

  void Add(size_t worker, RouteReason reason) {
    const PrefixMatch match = fleet_.index.Match(fleet_.workers[worker]->holder, request_.chain);
    const RouteCost cost = CostOf(request_, fleet_, worker, match, lent_blocks_, options_.cost);
    most_hit_tokens_ = std::max(most_hit_tokens_, cost.hit_tokens);
    // Bringing blocks takes less time than it costs: others' links, and room for another copy.
    const uint32_t fetch_percent =
        cost.fetch_tokens > 0 ? options_.fetch_percent : options_.work_percent;
    const Duration price = sent_.Of(worker) * options_.sent_percent / 100 + cost.queue +
                           cost.prefill * options_.work_percent / 100 +
                           cost.fetch * fetch_percent / 100;
    if (any_ && price >= price_) return;
    any_ = true;
    price_ = price;
    choice_ = {worker, reason, cost};
  }
  RouteChoice choice() const { return choice_; }
  uint32_t most_hit_tokens() const { return most_hit_tokens_; }

 private:
  const RouteRequest& request_;
  const FleetView& fleet_;
  const uint32_t lent_blocks_;
  const RoutingOptions& options_;
  const SentWork& sent_;
  bool any_ = false;
  Duration price_;
  RouteChoice choice_;
  uint32_t most_hit_tokens_ = 0;
};

DualHashPolicy::DualHashPolicy(const RoutingOptions& options, uint32_t block_tokens)
    : options_(options), homes_(options, block_tokens), sent_(options.sent_window) {}

RouteChoice DualHashPolicy::Route(const RouteRequest& request, const FleetView& fleet) {
  sent_.Learn(fleet);
  const BestMatch best = fleet.index.Best(request.chain);
  const uint32_t lent = LendersOf(request, fleet.index, options_.cost).blocks;
  Candidates candidates(request, fleet, lent, options_, sent_);
  for (const uint32_t home : homes_.Observe(request, fleet)) {
    candidates.Add(home, RouteReason::kHome);
  }
  AddHolders(fleet, best, candidates);
  Prng prng(request.id.value());
  for (uint32_t i = 0; i < options_.guests; ++i) {
    candidates.Add(prng.Below(fleet.workers.size()), RouteReason::kGuest);
  }
  const RouteChoice choice = candidates.choice();
  sent_.Add(choice.worker, choice.cost.prefill);
  return choice;
}

void DualHashPolicy::AddHolders(const FleetView& fleet, const BestMatch& best,
                                Candidates& candidates) const {
  if (best.holders.size() > options_.holders_max) return;
  const uint64_t best_tokens = uint64_t{best.blocks} * fleet.block_tokens;
  if (best_tokens < uint64_t{candidates.most_hit_tokens()} + options_.affinity_gain_tokens) return;
  for (size_t worker = 0; worker < fleet.workers.size(); ++worker) {
    const HolderId holder = fleet.workers[worker]->holder;
    if (std::ranges::find(best.holders, holder) == best.holders.end()) continue;
    candidates.Add(worker, RouteReason::kHolder);
  }
}

}  // namespace cairn
