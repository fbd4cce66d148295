// What `cairn simulate` found, for people and for programs. Every number in it is simulated and
// says so.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
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

nlohmann::ordered_json ToJson(const SimulationReport& report);
std::string ToText(const SimulationReport& report);

}  // namespace cairn
