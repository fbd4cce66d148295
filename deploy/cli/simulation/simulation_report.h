// What `cairn simulate` found. Every number in it is simulated and says so wherever it is shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/goodput.h"

namespace cairn {

struct SeedReport {
  uint64_t seed = 0;
  double rate = 0;  // requests a second that arrived
  ClusterSummary summary;
};

struct SeedGoodput {
  uint64_t seed = 0;
  Goodput goodput;
};

// The part of a run's prompt tokens that were cached.
inline double HitShare(const ClusterSummary& s) {
  const uint64_t hits = s.hit_device_tokens + s.hit_dram_tokens;
  return s.prompt_tokens == 0 ? 0
                              : static_cast<double>(hits) / static_cast<double>(s.prompt_tokens);
}

struct SimulationReport {
  std::string trace;
  std::vector<std::string> history;  // what was done to it
  std::string cluster;               // one line
  std::string profile;
  SloTarget target;
  std::vector<SeedReport> seeds;      // at one rate
  std::vector<SeedGoodput> searched;  // instead, if the goodput was asked for
  double wanted_attainment = 0.9;
  double wall_seconds = 0;
};

// Over all seeds of the search.
GoodputSpread SpreadOf(const SimulationReport& report);

}  // namespace cairn
