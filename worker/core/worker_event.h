// What a worker core hears.
#pragma once

#include <cstdint>
#include <variant>

#include "absl/status/statusor.h"
#include "kvstore/base/assignment.h"
#include "kvstore/core/store_event.h"
#include "worker/core/handoff.h"
#include "worker/core/step_plan.h"

namespace cairn {

// The answer to the one RunStep that is out. `result` has the shape of the plan, or says why the
// whole step failed.
struct StepFinished {
  uint64_t number = 0;  // of the plan
  absl::StatusOr<StepResult> result;
};

// A word of another worker.
struct PeerSaid {
  NodeLife from;
  PeerWord word;
};

using WorkerEvent =
    std::variant<Assign, Cancel, StopChoice, Yield, Follow, SetPromptChunk, Ask, StepFinished,
                 MoveFinished, PeerSaid, FetchFinished, BlocksAsked, BlocksSent>;

}  // namespace cairn
