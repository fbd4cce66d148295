#include "worker/shell/worker_loop.h"

#include <iterator>
#include <utility>
#include <variant>

namespace cairn {

WorkerLoop::WorkerLoop(WorkerCore& core, Engine& engine, BlockMover& mover, const Clock& clock,
                       ReportSink reports, PublishSink published)
    : core_(core),
      engine_(engine),
      mover_(mover),
      clock_(clock),
      reports_(std::move(reports)),
      published_(std::move(published)) {}

void WorkerLoop::Take(const WorkerMail& mail) {
  if (const auto* assignment = std::get_if<Assignment>(&mail)) {
    std::visit([&](const auto& one) { core_.Handle(one, clock_.Now()); }, *assignment);
  } else if (const BlockAnnouncer* announcer = core_.announcer()) {
    published_(announcer->Answer(std::get<ResyncRequest>(mail)));
  }
}

// Before the actions: a slot that is about to be written has been taken back by then.
void WorkerLoop::Publish() {
  BlockAnnouncer* announcer = core_.announcer();
  if (announcer == nullptr) return;
  std::vector<PublishBatch> batches = announcer->TakeBatches();
  if (batches.empty()) return;
  const std::vector<PublishWord> words(std::make_move_iterator(batches.begin()),
                                       std::make_move_iterator(batches.end()));
  published_(words);
}

bool WorkerLoop::Turn(std::span<const WorkerMail> arrived) {
  for (const WorkerMail& mail : arrived) Take(mail);
  bool acted = false;
  std::vector<WorkerAction> actions = core_.TakeActions();
  Publish();
  for (WorkerAction& action : actions) {
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
