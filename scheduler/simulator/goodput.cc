#include "scheduler/simulator/goodput.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

Goodput SearchGoodput(const GoodputSearch& search, const std::function<double(double rate)>& run) {
  CAIRN_CHECK(search.first_rate > 0);
  CAIRN_CHECK(search.first_step > 1 && search.first_step <= 2);
  CAIRN_CHECK(search.precision > 0);
  Goodput found;
  double good = 0;                                       // the highest that attained
  double bad = std::numeric_limits<double>::infinity();  // the lowest that did not
  double next = search.first_rate;
  double step = search.first_step;
  while (found.runs.size() < search.runs_max) {
    const double attainment = run(next);
    found.runs.push_back({next, attainment});
    (attainment >= search.attainment ? good : bad) = next;
    if (bad == std::numeric_limits<double>::infinity()) {
      next = good * std::exchange(step, std::min(2.0, step * step));
    } else if (good == 0) {
      next = bad / std::exchange(step, std::min(2.0, step * step));
    } else if (bad - good <= search.precision * bad) {
      break;
    } else {
      next = good + (bad - good) / 2;
    }
  }
  found.rate = good;
  return found;
}

GoodputSpread SpreadOf(const std::vector<Goodput>& seeds) {
  if (seeds.empty()) return {};
  GoodputSpread spread{.mean = 0, .min = seeds.front().rate, .max = seeds.front().rate};
  for (const Goodput& seed : seeds) {
    spread.mean += seed.rate;
    spread.min = std::min(spread.min, seed.rate);
    spread.max = std::max(spread.max, seed.rate);
  }
  spread.mean /= static_cast<double>(seeds.size());
  return spread;
}

}  // namespace cairn
