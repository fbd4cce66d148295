#include "tests/sim/cluster/sim_network.h"

#include <algorithm>

namespace cairn::sim {

std::vector<Duration> SimNetwork::Carry(uint32_t from, uint32_t to) {
  if (IsCut(from, to) || (hostile_ && prng_.Chance(options_.loss_chance))) {
    ++lost_;
    return {};
  }
  std::vector<Duration> arrivals = {Delay()};
  if (hostile_ && prng_.Chance(options_.repeat_chance)) {
    ++repeated_;
    arrivals.push_back(Delay());
  }
  return arrivals;
}

Duration SimNetwork::Delay() {
  const int64_t times = hostile_ && prng_.Chance(options_.late_chance) ? 40 : 1;
  return Microseconds(prng_.Between(1, options_.delay_us_max) * times);
}

// A cut that the healing has mended already is mended.
void SimNetwork::Mend(uint32_t from, uint32_t to) {
  uint32_t& cuts = cuts_[from * nodes_ + to];
  if (cuts > 0) --cuts;
}

void SimNetwork::Heal() {
  hostile_ = false;
  std::ranges::fill(cuts_, 0);
}

}  // namespace cairn::sim
