// The cluster that the flags ask for, in one cell of a study.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "deploy/cli/simulation/scenario.h"
#include "scheduler/core/slo.h"
#include "scheduler/simulator/cluster_options.h"
#include "scheduler/simulator/slider_search.h"
#include "scheduler/simulator/step_cost.h"

namespace cairn {

// One policy on so many workers at one rate with one seed, and what may be varied around them.
struct StudyCell {
  std::string policy;
  uint32_t workers = 1;
  std::optional<PhaseSliders> sliders;  // of them, instead of what the flags say
  uint32_t seed = 0;                    // counted from --seed
  double rate = 0;                      // 0: the trace's own, or what --rate says
  // Instead of what the profile says.
  std::optional<Duration> host_overhead;
  std::optional<double> network_gigabytes_per_s;
  // What would be if: of what the cost function and the flags say.
  uint32_t step_percent = 100;
  uint32_t kv_percent = 100;
};

ClusterOptions ClusterOf(const Scenario& scenario, const StudyCell& cell, const StepCost& cost,
                         uint32_t block_tokens);

// The classes that the flags promise. REQUIRES: they were checked.
LatencyClasses ClassesOf(const SimulateFlags& flags);

// The cluster without its policy in one line, for people.
std::string ClusterText(const Scenario& scenario);

}  // namespace cairn
