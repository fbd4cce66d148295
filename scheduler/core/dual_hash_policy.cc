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
  for (const size_t guest : GuestsOf(request, fleet)) {
    candidates.Add(guest, RouteReason::kGuest);
  }
  const RouteChoice choice = candidates.choice();
  sent_.Add(choice.worker, choice.cost.prefill);
  return choice;
}

void DualHashPolicy::AddHolders(const FleetView& fleet, const BestMatch& best,
                                Candidates& candidates) const {
  const uint64_t best_tokens = uint64_t{best.blocks} * fleet.block_tokens;
  if (best_tokens < uint64_t{candidates.most_hit_tokens()} + options_.affinity_gain_tokens) return;
  for (const size_t holder : HoldersOf(fleet, best)) candidates.Add(holder, RouteReason::kHolder);
}

std::vector<size_t> DualHashPolicy::HoldersOf(const FleetView& fleet, const BestMatch& best) const {
  std::vector<size_t> holders;
  if (best.holders.size() > options_.holders_max) return holders;
  for (size_t worker = 0; worker < fleet.workers.size(); ++worker) {
    const HolderId holder = fleet.workers[worker]->holder;
    if (std::ranges::find(best.holders, holder) == best.holders.end()) continue;
    holders.push_back(worker);
  }
  return holders;
}

std::vector<size_t> DualHashPolicy::GuestsOf(const RouteRequest& request,
                                             const FleetView& fleet) const {
  Prng prng(request.id.value());
  std::vector<size_t> guests(options_.guests);
  for (size_t& guest : guests) guest = prng.Below(fleet.workers.size());
  return guests;
}

std::vector<size_t> DualHashPolicy::CandidatesOf(const RouteRequest& request,
                                                 const FleetView& fleet) {
  std::vector<size_t> candidates = GuestsOf(request, fleet);
  for (const uint32_t home : homes_.Find(request, fleet)) candidates.push_back(home);
  const std::vector<size_t> holders = HoldersOf(fleet, fleet.index.Best(request.chain));
  candidates.insert(candidates.end(), holders.begin(), holders.end());
  return candidates;
}

}  // namespace cairn
