// The engine of a virtual worker: no arithmetic and no memory, but every step takes the time that a
// cost function says, and every token is the one that the trace's text implies.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "kvstore/base/time.h"
#include "scheduler/simulator/trace_text.h"
#include "worker/core/step_plan.h"

namespace cairn {

// How long a step takes on a worker of normal speed whose engine has had nothing to do for so long.
using StepTime = std::function<Duration(const StepPlan&, Duration idle)>;

class ModelledEngine {
 public:
  ModelledEngine(const TraceText& text, StepTime step_time)
      : text_(text), step_time_(std::move(step_time)) {}

  Duration TimeOf(const StepPlan& plan, Duration idle) const { return step_time_(plan, idle); }

  // A sample's seed names the request of the trace that it belongs to.
  StepResult Run(const StepPlan& plan, Duration elapsed) const {
    StepResult result{.samples = {}, .elapsed = elapsed};
    result.samples.resize(plan.spans.size());
    for (size_t i = 0; i < plan.spans.size(); ++i) {
      for (const SampleRequest& sample : plan.spans[i].samples) {
        result.samples[i].push_back(
            {.token = text_.At(static_cast<uint32_t>(sample.seed), sample.position)});
      }
    }
    return result;
  }

 private:
  const TraceText& text_;
  StepTime step_time_;
};

}  // namespace cairn
