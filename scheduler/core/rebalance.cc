#include "scheduler/core/rebalance.h"

#include <map>
#include <optional>

namespace cairn {
namespace {

struct Offer {
  size_t position = 0;  // in the line
  Migration migration;
  Duration gain;
};

class Round {
 public:
  Round(const FleetView& fleet, size_t source, std::span<const Movable> line,
        const RebalanceLimits& limits)
      : fleet_(fleet),
        source_(*fleet.workers[source]),
        line_(line),
        limits_(limits),
        waits_(line.size(), true),
        ahead_(source_.TokensAhead(fleet.now)) {
    on_worker_ = ahead_ - source_.queued_tokens;
  }

  bool overloaded() const { return source_.TimeFor(ahead_) > limits_.overload; }

  std::optional<Offer> BestOffer() const {
    std::optional<Offer> best;
    uint64_t tokens = on_worker_;
    for (size_t position = 0; position < line_.size(); ++position) {
      if (!waits_[position]) continue;
      tokens += line_[position].work_tokens;
      const Duration here = source_.TimeFor(tokens);
      for (const Movable::Elsewhere& there : line_[position].elsewhere) {
        const uint64_t ahead = AheadOf(there.worker);
        const WorkerView& view = *fleet_.workers[there.worker];
        if (view.TimeFor(ahead) > limits_.overload) continue;
        const Duration added =
            view.TimeFor(there.work_tokens) - source_.TimeFor(line_[position].work_tokens);
        // Of what is added the predicted TTFT has 100 percent.
        const Duration gain = here - view.TimeFor(ahead + there.work_tokens) -
                              added * (int64_t{limits_.work_percent} - 100) / 100;
        if (gain <= Duration() || (best && gain <= best->gain)) continue;
        best = Offer{position, {line_[position].request, there.worker, there.work_tokens}, gain};
      }
    }
    return best;
  }

  void Take(const Offer& offer) {
    waits_[offer.position] = false;
    ahead_ -= line_[offer.position].work_tokens;
    added_[offer.migration.to] += offer.migration.work_tokens;
  }

 private:
  uint64_t AheadOf(size_t worker) const {
    const auto added = added_.find(worker);
    return fleet_.workers[worker]->TokensAhead(fleet_.now) +
           (added == added_.end() ? 0 : added->second);
  }

  const FleetView& fleet_;
  const WorkerView& source_;
  const std::span<const Movable> line_;
  const RebalanceLimits& limits_;
  std::vector<bool> waits_;
  uint64_t ahead_;                    // of a request that comes to the source now
  uint64_t on_worker_;                // of these, sent already
  std::map<size_t, uint64_t> added_;  // by this round
};

}  // namespace

std::vector<Migration> PlanRebalance(const FleetView& fleet, size_t source,
                                     std::span<const Movable> line, const RebalanceLimits& limits) {
  std::vector<Migration> migrations;
  Round round(fleet, source, line, limits);
  while (round.overloaded() && migrations.size() < limits.moves_max) {
    const std::optional<Offer> offer = round.BestOffer();
    if (!offer) break;
    round.Take(*offer);
    migrations.push_back(offer->migration);
  }
  return migrations;
}

}  // namespace cairn
