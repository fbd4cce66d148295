// Deterministic glue between the worker core and its ports: engine, mover, clock, and those who
// hear its reports and what its store publishes. One thread.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kvstore/base/clock.h"
#include "kvstore/shell/block_mover.h"
#include "worker/core/worker_core.h"
#include "worker/engine/engine.h"
#include "worker/shell/worker_inbox.h"

namespace cairn {

// Called after each turn with what happened, in order. Must not block.
using ReportSink = std::function<void(std::span<const Report>)>;
using PublishSink = std::function<void(std::span<const PublishWord>)>;

class WorkerLoop {
 public:
  // All outlive the loop.
  WorkerLoop(WorkerCore& core, Engine& engine, BlockMover& mover, const Clock& clock,
             ReportSink reports, PublishSink published);

  // Takes in what arrived, carries out all moves and at most one step, and reports. True: there is
  // more to do without anything new arriving.
  bool Turn(std::span<const WorkerMail> arrived);

 private:
  void Take(const WorkerMail& mail);
  void Publish();

  WorkerCore& core_;
  Engine& engine_;
  BlockMover& mover_;
  const Clock& clock_;
  ReportSink reports_;
  PublishSink published_;
  std::vector<Report> outgoing_;
};

}  // namespace cairn
