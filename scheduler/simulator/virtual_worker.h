// One life of a worker in virtual time: the production core with its store, an engine that takes
// time, and an inbox. As in production, what arrives while a step runs is taken in when the step is
// over, or when a scheduler asks how busy the worker is, which is answered at once.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "kvstore/base/assignment.h"
#include "kvstore/base/report.h"
#include "scheduler/simulator/cluster_options.h"
#include "scheduler/simulator/cluster_result.h"
#include "scheduler/simulator/modelled_engine.h"
#include "worker/core/worker_core.h"

namespace cairn {

// What a worker wants of the world after something happened to it.
struct WorkerTurn {
  std::vector<Report> reports;                    // to be sent, in order
  std::optional<Instant> step_ends;               // a step has begun: EndStep then
  std::vector<std::pair<Instant, MoveId>> moves;  // have begun: EndMove then
  std::vector<WorkerAction> to_peers;             // words, questions and KV for other workers
};

class VirtualWorker {
 public:
  // `engine` and `record` outlive the worker; the record is added to, also by slices of time if
  // `slice` is not zero.
  VirtualWorker(NodeId node, Epoch epoch, const WorkerOptions& options,
                const ModelledEngine& engine, Duration slice, WorkerRecord& record);
  ~VirtualWorker();
  VirtualWorker(const VirtualWorker&) = delete;
  VirtualWorker& operator=(const VirtualWorker&) = delete;

  // Each returns what came of it; the caller takes it before the next call.
  WorkerTurn& Deliver(Assignment assignment, Instant now);
  WorkerTurn& EndStep(Instant now);
  WorkerTurn& EndMove(MoveId move, Instant now);
  // What comes from other workers does not wait for the end of a step: the wire is no business of
  // the engine's.
  WorkerTurn& Hear(WorkerEvent event, Instant now);
  WorkerTurn& Tick(Instant now);

  // What its store tells since the last call, and tells again to whoever has missed some.
  std::vector<PublishBatch> TakeBatches();
  std::vector<PublishWord> Answer(const ResyncRequest& request);

  void SetStepPercent(uint32_t percent) { options_.step_percent = percent; }
  const WorkerCore& core() const { return core_; }

 private:
  void TakeInbox(Instant now);
  void Act(Instant now);
  void Begin(StepPlan plan, Instant now);
  void Begin(const Move& move, Instant now);
  void CountBusy(Instant from, Instant until);

  WorkerOptions options_;
  const ModelledEngine& engine_;
  const Duration slice_;
  WorkerRecord& record_;
  WorkerCore core_;
  std::vector<Assignment> inbox_;  // what came during a step
  std::optional<StepPlan> step_;
  Duration step_time_;
  Instant step_ended_;                              // the last one
  std::array<Instant, kTierCount> carrier_free_{};  // by the tier that a move goes to
  WorkerTurn turn_;
};

}  // namespace cairn
