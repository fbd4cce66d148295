#include "scheduler/simulator/capacity_search.h"

#include <algorithm>

#include "kvstore/base/check.h"

namespace cairn {

bool KeepsPromise(const CapacityTrial& trial, double attainment) {
  return std::ranges::all_of(trial.attainment, [&](double one) { return one >= attainment; });
}

const CapacityTrial* Capacity::TrialOf(uint32_t workers) const {
  const auto found = std::ranges::find(trials, workers, &CapacityTrial::workers);
  return found == trials.end() ? nullptr : &*found;
}

Capacity SearchCapacity(const CapacitySearch& search,
                        const std::function<std::vector<double>(uint32_t workers)>& run) {
  CAIRN_CHECK(search.workers_min > 0 && search.workers_min <= search.first);
  CAIRN_CHECK(search.first <= search.workers_max);
  Capacity found;
  const auto keeps = [&](uint32_t workers) {
    const CapacityTrial* trial = found.TrialOf(workers);
    if (trial == nullptr) {
      found.trials.push_back({workers, run(workers)});
      trial = &found.trials.back();
    }
    return KeepsPromise(*trial, search.attainment);
  };
  uint32_t few = search.workers_min - 1;  // does not keep it, or may not be tried
  uint32_t many = 0;                      // does; 0: not found yet
  uint32_t next = search.first;
  while (true) {
    if (keeps(next)) {
      many = next;
    } else {
      few = next;
    }
    if (many == few + 1) break;
    if (many > 0) {
      // Below the first guess it is halved, too: the guess may be far off.
      next = few + (many - few) / 2;
    } else if (few == search.workers_max) {
      break;
    } else {
      next = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{few} * 2, search.workers_max));
    }
  }
  found.workers = many;
  if (many > 0 && many < search.workers_max) keeps(many + 1);
  std::ranges::sort(found.trials, {}, &CapacityTrial::workers);
  return found;
}

}  // namespace cairn
