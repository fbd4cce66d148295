// Deterministic glue between the scheduler core and its ports: feeds events in, carries actions
// out. Not thread-safe; scheduler_host.h guards it.
#pragma once

#include <memory>

#include "absl/container/flat_hash_map.h"
#include "scheduler/core/scheduler_core.h"
#include "scheduler/ingress/generation_port.h"
#include "scheduler/shell/worker_link.h"

namespace cairn {

class SchedulerLoop {
 public:
  SchedulerLoop(const SchedulerLimits& limits, WorkerLink& link);

  Admission Submit(GenerationRequest request, std::shared_ptr<GenerationObserver> observer,
                   Instant now);
  void Handle(const SchedulerEvent& event, Instant now);
  const SchedulerCore& core() const { return core_; }

 private:
  void CarryOut();
  void Deliver(RequestId request, const ClientWord& word);

  SchedulerCore core_;
  WorkerLink& link_;
  absl::flat_hash_map<RequestId, std::shared_ptr<GenerationObserver>> observers_;
  Admission admission_;  // the answer to the submission being handled
};

}  // namespace cairn
