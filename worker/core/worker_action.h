// What a worker core wants done.
#pragma once

#include <variant>

#include "kvstore/base/report.h"
#include "kvstore/core/store_action.h"
#include "worker/core/handoff.h"
#include "worker/core/step_plan.h"

namespace cairn {

// Run the plan and answer with one StepFinished. At most one is out at a time. What the plan points
// to lives in the core and stays as it is until the answer.
struct RunStep {
  StepPlan plan;
};

struct SendReport {
  Report report;
};

struct TellPeer {
  NodeLife to;
  PeerWord word;
};

using WorkerAction =
    std::variant<RunStep, StartMove, SendReport, TellPeer, StartFetch, SendBlocks, RefuseBlocks>;

}  // namespace cairn
