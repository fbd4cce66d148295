// The scheduler of one process, open to threads: front doors submit, workers report. There is no
// scheduler thread: whoever brings an event runs the core under one lock, for a few microseconds,
// so that a token crosses from the worker to its connection without waking anybody in between. A
// timer for requests with deadlines starts with the first of them and sleeps until the next one is
// due.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "kvstore/base/clock.h"
#include "kvstore/shell/mutex.h"
#include "scheduler/ingress/generation_port.h"
#include "scheduler/shell/scheduler_loop.h"

namespace cairn {

class SchedulerHost : public GenerationPort {
 public:
  SchedulerHost(const SchedulerLimits& limits, WorkerLink& link, const Clock& clock);
  ~SchedulerHost() override;

  RequestId NextRequestId() override;
  Admission Submit(GenerationRequest request,
                   std::shared_ptr<GenerationObserver> observer) override;
  void CancelRequest(RequestId request) override;
  void StopChoice(RequestId request, uint32_t choice) override;
  Readiness CheckReadiness() override;
  SchedulerSnapshot Snapshot() override;

  void WorkerJoins(NodeId worker, Epoch epoch);
  // In the order in which they happened. REQUIRES: one caller at a time for each worker.
  void WorkerReports(NodeId worker, Epoch epoch, std::span<const Report> reports);
  // What the worker's store says of its blocks. REQUIRES: the same.
  void WorkerPublishes(std::span<const PublishWord> words);
  void StartDrain();
  // No deadline passes any more. Before the link that it was given goes away.
  void StopTimer();
  // Blocks until no request lives, or the time is over. True: none lives.
  bool AwaitDrained(Duration at_most);

 private:
  void Handle(const SchedulerEvent& event);
  bool NothingLives() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return loop_.core().live_requests() == 0;
  }

  void KeepTime() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunTimer();

  const Clock& clock_;
  std::atomic<uint64_t> next_request_{1};
  Mutex mutex_;
  Wakeup drained_;
  SchedulerLoop loop_ ABSL_GUARDED_BY(mutex_);
  Wakeup sooner_;
  std::optional<Instant> timer_until_ ABSL_GUARDED_BY(mutex_);  // it sleeps so long; none: for ever
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread timer_;  // last: it uses the others
};

}  // namespace cairn
