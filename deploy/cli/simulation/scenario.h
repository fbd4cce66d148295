// What a study is about, read and checked: the traces of every seed, the profile, the events, and
// the flags with every default filled in.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/cli/simulation/event_script.h"
#include "deploy/cli/simulation/simulate_flags.h"
#include "scheduler/simulator/step_cost.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

struct Scenario {
  SimulateFlags flags;
  StepProfile profile;
  EventScript events;
  std::vector<double> rates;  // that --rates names, in rising order
  bool rates_auto = false;    // around the goodput
  std::vector<Trace> traces;  // by seed, read and not yet shaped

  const LinkCost& LinkBetweenWorkers() const {
    return profile.links[static_cast<size_t>(flags.phases.link())];
  }
};

// Errors: of files, and of flags that contradict each other or the trace.
absl::StatusOr<Scenario> LoadScenario(SimulateFlags flags);

// The flags of the trace for a seed and a rate. 0: the rate that --rate says, or none.
TraceFlags TraceFlagsOf(const Scenario& scenario, uint32_t seed, double rate);
// That trace.
absl::StatusOr<Trace> ShapedTrace(const Scenario& scenario, uint32_t seed, double rate);

// Requests a second of an open loop; of a closed one as if answers took no time.
double RateOf(const Trace& trace);

}  // namespace cairn
