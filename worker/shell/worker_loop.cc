#include "worker/shell/worker_loop.h"

#include <utility>

namespace cairn {

WorkerLoop::WorkerLoop(WorkerCore& core, Engine& engine, BlockMover& mover, const Clock& clock,
                       ReportSink reports)
    : core_(core), engine_(engine), mover_(mover), clock_(clock), reports_(std::move(reports)) {}

bool WorkerLoop::Turn(std::span<const Assignment> arrived) {
  for (const Assignment& assignment : arrived) {
    std::visit([&](const auto& a) { core_.Handle(a, clock_.Now()); }, assignment);
  }
  bool acted = false;
  for (WorkerAction& action : core_.TakeActions()) {
    if (auto* report = std::get_if<SendReport>(&action)) {
      outgoing_.push_back(std::move(report->report));
    } else if (const auto* move = std::get_if<StartMove>(&action)) {
      acted = true;
      core_.Handle(mover_.Carry(move->move), clock_.Now());
    } else if (const auto* fetch = std::get_if<StartFetch>(&action)) {
      acted = true;  // there is no wire to other workers yet: what they lend is computed here
      core_.Handle(FetchFinished{.id = fetch->id, .blocks = {}}, clock_.Now());
    } else if (std::holds_alternative<RunStep>(action)) {
      acted = true;
      // Clients hear of what is already known before the step, which takes milliseconds.
      if (!outgoing_.empty()) reports_(std::exchange(outgoing_, {}));
      const StepPlan& plan = std::get<RunStep>(action).plan;
      absl::StatusOr<StepResult> result = engine_.Run(plan);
      core_.Handle(StepFinished{plan.number, std::move(result)}, clock_.Now());
    }
  }
  if (!outgoing_.empty()) reports_(std::exchange(outgoing_, {}));
  return acted;
}

}  // namespace cairn
