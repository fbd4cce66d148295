// An engine that makes cache errors visible: the tokens it chooses depend on every word of KV that
// it really reads through the block tables.
#pragma once

#include <cstdint>

#include "tests/sim/double/sim_memory.h"
#include "worker/core/step_plan.h"

namespace cairn::sim {

class FingerprintEngine {
 public:
  FingerprintEngine(SimMemory& memory, uint32_t vocabulary)
      : memory_(memory), vocabulary_(vocabulary) {}

  // Throws Violation if the plan is not shaped as step_plan.h says.
  StepResult Run(const StepPlan& plan);

  // What a step that fails half way leaves behind: junk wherever it may have written.
  void Wreck(const StepPlan& plan, uint64_t seed);

 private:
  uint64_t& Word(const StepSpan& span, uint32_t position);

  SimMemory& memory_;
  uint32_t vocabulary_;
};

}  // namespace cairn::sim
