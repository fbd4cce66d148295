#include "scheduler/simulator/goodput.h"

#include <catch2/catch.hpp>
#include <set>

namespace cairn {
namespace {

// A cluster that serves `capacity` requests a second well, and nobody beyond.
std::function<double(double)> Knee(double capacity) {
  return [capacity](double rate) { return rate <= capacity ? 1.0 : 0.5; };
}

TEST_CASE("the search ends just below the knee, wherever it begins") {
  for (const double first : {0.01, 1.0, 17.2, 4000.0}) {
    const Goodput found = SearchGoodput({.first_rate = first, .runs_max = 60}, Knee(17.3));
    CHECK(found.rate <= 17.3);
    CHECK(found.rate >= 17.3 * 0.98);
  }
}

TEST_CASE("a good guess and a small first step need few runs") {
  const Goodput found =
      SearchGoodput({.first_rate = 17, .first_step = 1.06, .precision = 0.02}, Knee(17.3));
  CHECK(found.rate > 17.3 * 0.98);
  CHECK(found.runs.size() <= 4);
  const Goodput bad = SearchGoodput({.first_rate = 1000, .first_step = 1.06}, Knee(17.3));
  CHECK(bad.rate > 17.3 * 0.98);
}

TEST_CASE("no rate is tried twice, and the runs are told in order") {
  std::set<double> tried;
  const Goodput found = SearchGoodput({.first_rate = 3}, [&](double rate) {
    CHECK(tried.insert(rate).second);
    return rate <= 10 ? 0.95 : 0.1;
  });
  CHECK(found.runs.size() == tried.size());
  CHECK(found.runs.front() == GoodputRun{3, 0.95});
}

TEST_CASE("where nothing attains the answer is zero, after a bounded number of runs") {
  const Goodput found = SearchGoodput({.runs_max = 12}, [](double) { return 0.1; });
  CHECK(found.rate == 0);
  CHECK(found.runs.size() == 12);
}

TEST_CASE("the spread over seeds has the mean and both ends") {
  const GoodputSpread spread = SpreadOf({{.rate = 10}, {.rate = 12}, {.rate = 14}});
  CHECK(spread.mean == 12);
  CHECK(spread.min == 10);
  CHECK(spread.max == 14);
  CHECK(SpreadOf({}).mean == 0);
}

}  // namespace
}  // namespace cairn
