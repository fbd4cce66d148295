// Decides which requests run where and when. Knows nothing of sockets, threads or clocks: the loop
// feeds it events with the current time and carries out the actions it returns, in order.
//
// Requests wait in one central queue (priority, then arrival), not on workers, so that moving one is
// free; a worker holds only a small bounded amount of prompt that it has not computed yet.
// Conservation: every accepted request is in exactly one of the states of request.h until its
// RequestEnded has been delivered, whatever is cancelled, lost or repeated meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "scheduler/core/request.h"
#include "scheduler/core/scheduler_action.h"
#include "scheduler/core/scheduler_event.h"
#include "scheduler/core/worker_view.h"

namespace cairn {

// Every quantity has a limit; the answer at each is Shed.
struct SchedulerLimits {
  uint32_t live_requests_max = 1024;      // queued and running
  uint64_t queued_tokens_max = 4'000'000; // of prompts in the central queue
  Duration queue_wait_max = Seconds(120); // predicted; longer than this is shed
  // A worker is given more work while it has less than this that it has not prefilled.
  uint32_t unprefilled_requests_max = 64;
  uint64_t unprefilled_tokens_max = 4096;
};

struct SchedulerCounts {
  uint64_t accepted = 0;
  uint64_t shed = 0;
  uint64_t ended = 0;
  uint64_t cancelled = 0;
  uint64_t restarted = 0;  // ran on a worker that was lost, and were queued again
};

class SchedulerCore {
 public:
  explicit SchedulerCore(const SchedulerLimits& limits);

  void Handle(const SchedulerEvent& event, Instant now);
  std::vector<SchedulerAction> TakeActions();

  const SchedulerCounts& counts() const { return counts_; }
  size_t live_requests() const { return requests_.size(); }
  size_t queued_requests() const { return queue_.size(); }
  bool draining() const { return draining_; }
  // Workers in the order of their ids.
  const std::map<NodeId, WorkerView>& workers() const { return workers_; }

 private:
  struct QueueEntry {
    int32_t priority;
    uint64_t order;
    RequestId request;
    auto operator<=>(const QueueEntry&) const = default;
  };

  void On(const RequestSubmitted& event, Instant now);
  void On(const RequestCancelled& event, Instant now);
  void On(const ChoiceStopped& event, Instant now);
  void On(const WorkerJoined& event, Instant now);
  void On(const WorkerLost& event, Instant now);
  void On(const WorkerReported& event, Instant now);
  void On(const DrainStarted& event, Instant now);

  void Hear(WorkerView& worker, Request& request, const PrefillDone& word);
  void Hear(WorkerView& worker, Request& request, const TokenProduced& word);
  void Hear(WorkerView& worker, Request& request, const ChoiceEnded& word);
  void Hear(WorkerView& worker, Request& request, const RequestEnded& word);
  void HearLoad(WorkerView& worker, const WorkerLoad& load, Instant now);

  std::optional<Shed> WhyShed(const GenerationRequest& request) const;
  Duration PredictedWait() const;
  void Enqueue(Request& request);
  void Dequeue(const Request& request);
  void AssignFromQueue();
  WorkerView* WorkerWithRoom();
  void Forget(WorkerView& worker, const Request& request);  // takes it off the worker's counts
  void End(RequestId id, FinishReason reason, uint32_t preemptions);
  void DropWorker(NodeId node);

  const SchedulerLimits limits_;
  absl::flat_hash_map<RequestId, Request> requests_;  // looked up, never walked
  std::set<QueueEntry> queue_;
  uint64_t queued_tokens_ = 0;
  uint64_t arrivals_ = 0;
  std::map<NodeId, WorkerView> workers_;
  std::map<NodeId, std::set<RequestId>> running_;  // by worker, for when it is lost
  bool draining_ = false;
  SchedulerCounts counts_;
  std::vector<SchedulerAction> actions_;
};

}  // namespace cairn
