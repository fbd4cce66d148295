// What a plan of the worker's core costs: the bridge from what production plans to what a step
// takes.
#pragma once

#include "kvstore/base/time.h"
#include "scheduler/simulator/step_cost.h"
#include "worker/core/step_plan.h"

namespace cairn {

// A span of one token behind others is a decode; every other span is a piece of a prompt. `idle`:
// how long the engine has had nothing to do.
Duration CostOf(const StepPlan& plan, const StepCost& cost, Duration idle);

}  // namespace cairn
