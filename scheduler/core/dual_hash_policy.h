// The default policy. Three kinds of workers are candidates for a prompt: its two homes, by hash,
// so that schedulers meet at the same workers without a word between them; those that hold most of
// it, if that is more than the homes have; and a few guests, drawn by the request's own id, so that
// no two requests and no two schedulers crowd the same idle worker. The lowest price wins:
//
//   what this scheduler has sent there lately + its queue + so many times the request's own work
//
// The first term spreads load without needing to know it (sent_work.h), the second corrects what
// went wrong lately, as far as it is known. Work weighs more than waiting: a request waits once,
// but work that a cache would have saved makes everybody behind it wait. So a prompt follows its
// cache until the imbalance is several times what the cache saves.
#pragma once

#include "scheduler/core/prompt_homes.h"
#include "scheduler/core/routing_policy.h"
#include "scheduler/core/sent_work.h"

namespace cairn {

class DualHashPolicy final : public RoutingPolicy {
 public:
  DualHashPolicy(const RoutingOptions& options, uint32_t block_tokens);
  RouteChoice Route(const RouteRequest& request, const FleetView& fleet) override;
  void TakeBack(const RouteChoice& choice) override {
    sent_.TakeBack(choice.worker, choice.cost.prefill);
  }
  std::vector<size_t> CandidatesOf(const RouteRequest& request, const FleetView& fleet) override;
  Homes HomesOf(const RouteRequest& request, const FleetView& fleet) override {
    return homes_.Find(request, fleet);
  }
  uint32_t work_percent() const override { return options_.work_percent; }

 private:
  class Candidates;

  void AddHolders(const FleetView& fleet, const BestMatch& best, Candidates& candidates) const;
  std::vector<size_t> HoldersOf(const FleetView& fleet, const BestMatch& best) const;
  std::vector<size_t> GuestsOf(const RouteRequest& request, const FleetView& fleet) const;

  const RoutingOptions options_;
  PromptHomes homes_;
  SentWork sent_;
};

}  // namespace cairn
