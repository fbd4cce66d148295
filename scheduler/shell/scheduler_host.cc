#include "scheduler/shell/scheduler_host.h"

#include <utility>

#include "absl/time/time.h"

namespace cairn {

SchedulerHost::SchedulerHost(const SchedulerLimits& limits, WorkerLink& link, const Clock& clock)
    : clock_(clock), loop_(limits, link) {}

RequestId SchedulerHost::NextRequestId() { return RequestId(next_request_.fetch_add(1)); }

Admission SchedulerHost::Submit(GenerationRequest request,
                                std::shared_ptr<GenerationObserver> observer) {
  absl::MutexLock lock(&mutex_);
  return loop_.Submit(std::move(request), std::move(observer), clock_.Now());
}

void SchedulerHost::Handle(const SchedulerEvent& event) {
  absl::MutexLock lock(&mutex_);
  loop_.Handle(event, clock_.Now());
}

void SchedulerHost::CancelRequest(RequestId request) { Handle(RequestCancelled{request}); }

void SchedulerHost::StopChoice(RequestId request, uint32_t choice) {
  Handle(ChoiceStopped{request, choice});
}

void SchedulerHost::WorkerJoins(NodeId worker, Epoch epoch) { Handle(WorkerJoined{worker, epoch}); }

void SchedulerHost::WorkerReports(NodeId worker, Epoch epoch, std::span<const Report> reports) {
  absl::MutexLock lock(&mutex_);
  const Instant now = clock_.Now();
  for (const Report& report : reports) loop_.Handle(WorkerReported{worker, epoch, report}, now);
}

void SchedulerHost::StartDrain() { Handle(DrainStarted{}); }

bool SchedulerHost::AwaitDrained(Duration at_most) {
  absl::MutexLock lock(&mutex_);
  const auto drained = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return loop_.core().live_requests() == 0;
  };
  return mutex_.AwaitWithTimeout(absl::Condition(&drained),
                                 absl::Nanoseconds(at_most.nanoseconds()));
}

Readiness SchedulerHost::CheckReadiness() {
  absl::MutexLock lock(&mutex_);
  Readiness readiness;
  if (loop_.core().workers().empty()) readiness.reasons.push_back("no worker has joined");
  if (loop_.core().draining()) readiness.reasons.push_back("draining");
  return readiness;
}

SchedulerSnapshot SchedulerHost::Snapshot() {
  absl::MutexLock lock(&mutex_);
  const SchedulerCore& core = loop_.core();
  SchedulerSnapshot snapshot{
      .requests_accepted = core.counts().accepted,
      .requests_shed = core.counts().shed,
      .requests_ended = core.counts().ended,
      .requests_cancelled = core.counts().cancelled,
      .requests_live = static_cast<uint32_t>(core.live_requests()),
      .requests_queued = static_cast<uint32_t>(core.queued_requests()),
      .workers = {},
  };
  for (const auto& [node, worker] : core.workers()) snapshot.workers.push_back(worker.load);
  return snapshot;
}

}  // namespace cairn
