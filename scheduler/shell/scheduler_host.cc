#include "scheduler/shell/scheduler_host.h"

#include <utility>

namespace cairn {

SchedulerHost::SchedulerHost(const SchedulerLimits& limits, WorkerLink& link, const Clock& clock)
    : clock_(clock), loop_(limits, link) {}

RequestId SchedulerHost::NextRequestId() { return RequestId(next_request_.fetch_add(1)); }

Admission SchedulerHost::Submit(GenerationRequest request,
                                std::shared_ptr<GenerationObserver> observer) {
  MutexLock lock(mutex_);
  return loop_.Submit(std::move(request), std::move(observer), clock_.Now());
}

void SchedulerHost::Handle(const SchedulerEvent& event) {
  MutexLock lock(mutex_);
  loop_.Handle(event, clock_.Now());
  if (NothingLives()) drained_.Notify();
}

void SchedulerHost::CancelRequest(RequestId request) { Handle(RequestCancelled{request}); }

void SchedulerHost::StopChoice(RequestId request, uint32_t choice) {
  Handle(ChoiceStopped{request, choice});
}

void SchedulerHost::WorkerJoins(NodeId worker, Epoch epoch) { Handle(WorkerJoined{worker, epoch}); }

void SchedulerHost::WorkerReports(NodeId worker, Epoch epoch, std::span<const Report> reports) {
  MutexLock lock(mutex_);
  const Instant now = clock_.Now();
  for (const Report& report : reports) loop_.Handle(WorkerReported{worker, epoch, report}, now);
  if (NothingLives()) drained_.Notify();
}

void SchedulerHost::WorkerPublishes(std::span<const PublishWord> words) {
  MutexLock lock(mutex_);
  const Instant now = clock_.Now();
  for (const PublishWord& word : words) {
    if (const auto* batch = std::get_if<PublishBatch>(&word)) {
      loop_.Handle(BlocksPublished{*batch}, now);
    } else {
      loop_.Handle(BlocksListed{std::get<PublishSnapshotPart>(word)}, now);
    }
  }
}

void SchedulerHost::StartDrain() { Handle(DrainStarted{}); }

bool SchedulerHost::AwaitDrained(Duration at_most) {
  MutexLock lock(mutex_);
  return drained_.AwaitFor(lock, at_most, [this] { return NothingLives(); });
}

Readiness SchedulerHost::CheckReadiness() {
  MutexLock lock(mutex_);
  Readiness readiness;
  if (loop_.core().workers().empty()) readiness.reasons.push_back("no worker has joined");
  if (loop_.core().draining()) readiness.reasons.push_back("draining");
  return readiness;
}

SchedulerSnapshot SchedulerHost::Snapshot() {
  MutexLock lock(mutex_);
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
