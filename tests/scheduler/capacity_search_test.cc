#include "scheduler/simulator/capacity_search.h"

#include <catch2/catch.hpp>
#include <set>

namespace cairn {
namespace {

// Whose every seed keeps the promise from so many workers on.
std::function<std::vector<double>(uint32_t)> Enough(std::vector<uint32_t> by_seed) {
  return [by_seed](uint32_t workers) {
    std::vector<double> attainment;
    for (const uint32_t enough : by_seed) attainment.push_back(workers >= enough ? 0.95 : 0.5);
    return attainment;
  };
}

TEST_CASE("the smallest number of workers that is enough for every seed is found from anywhere") {
  for (const uint32_t enough : {1u, 2u, 3u, 17u, 100u, 4096u}) {
    for (const uint32_t first : {1u, 5u, 64u, 4096u}) {
      const Capacity found = SearchCapacity({.first = first}, Enough({enough, 1}));
      INFO("enough " << enough << ", first " << first);
      CHECK(found.workers == enough);
      CHECK(KeepsPromise(*found.TrialOf(enough), 0.9));
      if (enough > 1) CHECK_FALSE(KeepsPromise(*found.TrialOf(enough - 1), 0.9));
      if (enough < 4096) CHECK(found.TrialOf(enough + 1) != nullptr);
    }
  }
}

TEST_CASE("one seed that needs more decides, and nothing is run twice") {
  std::multiset<uint32_t> runs;
  const auto run = Enough({3, 7, 5});
  const Capacity found = SearchCapacity({}, [&](uint32_t workers) {
    runs.insert(workers);
    return run(workers);
  });
  CHECK(found.workers == 7);
  CHECK(runs.size() == found.trials.size());
  for (const CapacityTrial& trial : found.trials) CHECK(runs.count(trial.workers) == 1);
}

TEST_CASE("fewer workers than must be there are never tried") {
  const Capacity found = SearchCapacity({.first = 8, .workers_min = 4}, Enough({2}));
  CHECK(found.workers == 4);
  CHECK(found.trials.front().workers == 4);
}

TEST_CASE("where no number of workers is enough the answer is none, and the largest was tried") {
  const Capacity found = SearchCapacity({.workers_max = 100}, Enough({1000}));
  CHECK(found.workers == 0);
  CHECK(found.TrialOf(100) != nullptr);
}

}  // namespace
}  // namespace cairn
