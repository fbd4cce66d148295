// Decides which requests run where and when. Knows nothing of sockets, threads or clocks: the loop
// feeds it events with the current time and carries out the actions it returns, in order.
//
// A request is routed when it arrives (routing_policy.h) and waits in the central queue, in its
// worker's line, so that moving it is free; a worker holds only a small bounded amount of prompt
// that it has not computed yet. An overloaded line is rebalanced (rebalance.h). Conservation: every
// accepted request is in exactly one of the states of request.h until its RequestEnded has been
// delivered, whatever is cancelled, lost or repeated meanwhile.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kvstore/block/model_identity.h"
#include "kvstore/directory/directory.h"
#include "scheduler/core/appointment_book.h"
#include "scheduler/core/central_queue.h"
#include "scheduler/core/drain_meter.h"
#include "scheduler/core/overload.h"
#include "scheduler/core/phase_placer.h"
#include "scheduler/core/request.h"
#include "scheduler/core/routing_policy.h"
#include "scheduler/core/scheduler_action.h"
#include "scheduler/core/scheduler_event.h"
#include "scheduler/core/sent_blocks.h"
#include "scheduler/core/shadow_cache.h"
#include "scheduler/core/slo.h"
#include "scheduler/core/tenant_share.h"
#include "scheduler/core/worker_view.h"

namespace cairn {

// Every quantity has a limit; the answer at each is Shed.
struct SchedulerLimits {
  uint32_t live_requests_max = 1024;       // queued and running
  uint64_t queued_tokens_max = 4'000'000;  // of prompts in the central queue
  Duration queue_wait_max = Seconds(120);  // predicted; longer than this is shed
  // Shed what would have its first token only after so much of its target. Zero: nothing.
  uint32_t early_reject_percent = 0;
  // A worker is given a request while it has less than this that it has not prefilled, and that it
  // prefills before that request: a short prompt does not wait here for a long one that it passes.
  uint32_t unprefilled_requests_max = 64;
  uint64_t unprefilled_tokens_max = 4096;

  // Without classes: one, with routing.ttft_slo as its TTFT target.
  std::optional<LatencyClasses> classes;
  // A priority that has waited so long in a line without a turn gets one.
  Duration priority_ageing = Seconds(10);
  TenantLimits tenants;

  RoutingOptions routing;
  // A line is overloaded when its worker needs longer than this share of the TTFT target for it.
  // Zero: nothing is moved.
  uint32_t rebalance_percent = 100;
  // In a line and on its worker a prompt is taken to be due later by so much of its own work, so
  // that shorter ones go first: more are in time, and the longest wait longer. Zero: what is due
  // first goes first.
  uint32_t shorter_first_percent = 100;
  // Where several schedulers share the workers: a request that has come is placed when those that
  // it could go to have been asked how busy they are and what they have of it, or after so long.
  // Zero: nobody is asked.
  Duration ask_wait;
  uint32_t asks_max = 64;  // of one request
  // How prompts are keyed: as the workers do. Without block tokens, by nothing.
  ModelIdentity model;
  uint32_t block_tokens = 16;
  DirectoryLimits directory;
  PhaseOptions phases;  // of no effect while all workers are mixed
};

// For a scheduler that is one of several: it asks before it places a request, and hands over more
// of a line at once. The worker orders what it has of all schedulers by what is due first, and
// counts it when it is asked; what waits in a scheduler nobody else can see.
void ShareWorkers(SchedulerLimits& limits, Duration ask_wait = Milliseconds(5));

struct SchedulerCounts {
  uint64_t accepted = 0;
  uint64_t shed = 0;
  std::array<uint64_t, kShedReasons> shed_by_reason{};
  uint64_t ended = 0;
  uint64_t cancelled = 0;
  uint64_t expired = 0;    // could not meet their deadline
  uint64_t moved = 0;      // from an overloaded worker's line to another one
  uint64_t asks = 0;       // requests about which workers were asked first
  uint64_t asks_late = 0;  // of them, placed or ended before all had answered
  // Of the prompts sent to workers: expected to be found there, and found according to the workers.
  uint64_t hit_tokens_expected = 0;
  uint64_t hit_tokens = 0;
  // Requests that were told who has their prompt's head, and its tokens: asked for by the
  // directory, and come. What is missing is how wrong the directory was, and how slow holders were.
  uint64_t fetches = 0;
  uint64_t fetch_tokens_expected = 0;
  uint64_t fetched_tokens = 0;
  uint64_t resyncs = 0;  // stores that were asked again: batches were missing
};

class SchedulerCore {
 public:
  explicit SchedulerCore(const SchedulerLimits& limits);
  SchedulerCore(const SchedulerCore&) = delete;
  SchedulerCore& operator=(const SchedulerCore&) = delete;

  void Handle(const SchedulerEvent& event, Instant now);
  std::vector<SchedulerAction> TakeActions();

  const SchedulerCounts& counts() const { return counts_; }
  size_t live_requests() const { return requests_.size(); }
  size_t queued_requests() const { return queue_.size(); }
  bool draining() const { return draining_; }
  size_t asking_requests() const { return asking_.size(); }
  // When the next request's deadline passes, or its wait for answers is over. Until then nothing
  // happens by itself.
  std::optional<Instant> NextDeadline() const;
  // Workers in the order of their ids.
  const std::map<NodeId, WorkerView>& workers() const { return workers_; }
  const Directory& directory() const { return directory_; }
  const LatencyClasses& classes() const { return classes_; }
  const std::vector<ClassAttainment>& attainment() const { return attainment_; }  // by class
  const TenantShare& tenants() const { return tenants_; }

 private:
  // Where a request goes and what that costs.
  struct Placement {
    NodeId node;
    RouteCost cost;
    std::optional<RouteChoice> by_policy;  // else by its phase alone
  };
  // A request that waits for what workers say of it.
  struct Asking {
    Instant until;
    std::set<NodeId> awaited;
    std::vector<PromptFound> found;
  };

  // --- scheduler_core.cc
  void On(const RequestSubmitted& event, Instant now);
  void On(const RequestCancelled& event, Instant now);
  void On(const ChoiceStopped& event, Instant now);
  void On(const WorkerJoined& event, Instant now);
  void On(const WorkerTuned& event, Instant now);  // scheduler_phases.cc
  void On(const WorkerLost& event, Instant now);
  void On(const WorkerReported& event, Instant now);
  void On(const BlocksPublished& event, Instant now);
  void On(const BlocksListed& event, Instant now);
  void On(const DrainStarted& event, Instant now);
  void On(const TimePassed&, Instant) {}

  void Hear(WorkerView& worker, Request& request, const PrefillDone& word, Instant now);
  void Hear(WorkerView& worker, Request& request, const TokenProduced& word, Instant now);
  void Hear(WorkerView& worker, Request& request, const ChoiceEnded& word, Instant now);
  void Hear(WorkerView& worker, Request& request, const RequestEnded& word, Instant now);
  void Hear(WorkerView& worker, Request& request, const Yielded& word, Instant now);
  void HearLoad(WorkerView& worker, const WorkerLoad& load, Instant now);
  void HearAnswer(WorkerView& worker, const AskAnswered& answer, Instant now);  // scheduler_ask.cc

  void Forget(WorkerView& worker, Request& request);  // takes it off the worker's counts
  void EndPrefill(WorkerView& worker, const Request& request, uint64_t computed);
  bool EndStopped(Request& request);  // while it runs nowhere; true: that was the end of it
  void End(RequestId id, FinishReason reason, uint32_t preemptions, std::string_view message = "");
  void DropWorker(NodeId node);
  void ExpireLate(Instant now);
  void Expire(Request& request, std::string_view message);  // REQUIRES: not stopped yet
  void EndChoices(Request& request, FinishReason reason, std::string_view message);
  void Stop(Request& request, FinishReason reason, std::string_view message);
  bool CanMeetDeadline(const WorkerView& worker, const Request& request, Instant now) const;
  void StartWaiting(Request& request);
  void StopWaiting(const Request& request);
  void LeaveQueue(const Request& request);

  // --- scheduler_phases.cc
  std::optional<RouteChoice> PlaceOutsideThePolicy(const RouteRequest& request, Instant now) const;
  void PlanHandoff(const WorkerView& worker, Request& request, Assign& assign);
  void Promise(Request& request, NodeId next);
  void EndFollow(Request& request, bool comes);
  NodeId NextFor(const WorkerView& worker, const Request& request) const;
  void FlowFrom(const WorkerView& worker);
  void FlowBack();
  void SetFlowed(Request& request, bool flowed);
  void AskToYield(Request& request);
  DecodePace PaceOf(const Request& request) const;
  static uint64_t KvTokensOf(const Request& request);

  // --- scheduler_admission.cc
  Request MakeRequest(const RequestSubmitted& event, Instant now);
  DoorVerdict Judge(const Request& request, Instant now, std::optional<Placement>& placement);
  Duration WaitAt(const WorkerView& worker, uint64_t tokens) const;

  // --- scheduler_ask.cc
  bool AskFirst(const Request& request, const Placement& placement, Instant now);
  bool StillAsking(RequestId id, Instant now) const;
  std::vector<PromptFound> EndAsking(RequestId id);
  void ForgetAsked(NodeId worker);

  // --- scheduler_routing.cc
  static QueuePlace PlaceOf(const Request& request);
  static QueuePlace PlaceOnWorker(const Request& request);
  // By how much later one is taken to be due in this worker's line than it is.
  Duration YieldAt(const WorkerView& worker, uint64_t work_tokens) const;
  static RouteRequest RouteRequestOf(const Request& request);
  std::vector<BlockKey> KeysOf(const RequestSubmitted& event) const;
  FleetView Fleet(Instant now) const { return FleetOf(fleet_, now); }
  FleetView FleetOf(std::span<const WorkerView* const> workers, Instant now) const;
  void LearnFleet();
  void Enqueue(Request& request, std::optional<NodeId> line);
  void TakeFromLine(const Request& request);
  void Dequeue(const Request& request);  // its blocks are not expected there any more
  void RouteLineAgain(NodeId node);
  void RouteWaiting(Instant now);
  Placement Choose(const Request& request, std::span<const PromptFound> found, Instant now);
  void Place(Request& request, const Placement& placement, Instant now);
  void RebalanceIfOverloaded(size_t worker, Duration target, Instant now);
  void AssignFromLines(Instant now);
  bool HasRoom(const WorkerView& worker, const Request& next) const;
  void Send(WorkerView& worker, Request& request);
  // Gives the request to the worker, with what it has said and from where its KV can be fetched:
  // all of it from its source, or what is missing of its prompt's head from a holder.
  void Dispatch(WorkerView& worker, Request& request, std::optional<NodeLife> source,
                std::optional<PrefixHolder> holder = std::nullopt);
  void NotePrefilled(const WorkerView& worker, const Request& request,
                     std::optional<uint64_t> told_through);
  std::optional<PrefixHolder> FindHolder(const WorkerView& worker,
                                         Request& request);  // scheduler_fetch.cc
  void HearDirectory(NodeId node, const std::optional<ResyncRequest>& resync);
  void Ask(const ResyncRequest& request);
  void TickDirectory(Instant now);

  const SchedulerLimits limits_;
  absl::flat_hash_map<RequestId, Request> requests_;  // looked up, never walked
  std::set<std::pair<Instant, RequestId>> deadlines_;
  std::map<RequestId, Asking> asking_;
  std::set<std::pair<Instant, RequestId>> ask_ends_;
  CentralQueue queue_;
  TenantShare tenants_;
  const LatencyClasses classes_;
  std::vector<ClassAttainment> attainment_;
  uint64_t arrivals_ = 0;
  std::map<NodeId, WorkerView> workers_;
  std::vector<const WorkerView*> fleet_;  // among which the policy chooses: not the decode-heavy
  std::vector<const WorkerView*> prefill_fleet_;  // prefill-heavy: where decodes flow to
  std::vector<const WorkerView*> decode_fleet_;   // decode-heavy, or mixed where there are none
  uint64_t membership_ = 0;
  std::set<NodeId> touched_;  // whose line or room has changed since the last assignments
  AppointmentBook appointments_;
  DrainMeter leaving_;  // prompt tokens, from the queue
  DrainMeter ending_;   // requests
  Instant now_;         // of the event that is being handled
  std::unique_ptr<RoutingPolicy> policy_;
  Directory directory_;
  std::map<NodeId, SentBlocks> sent_;      // outlived by the directory
  std::map<NodeId, ShadowCache> shadows_;  // of workers that publish nothing; the same
  Instant directory_tick_;
  std::map<NodeId, Instant> rebalanced_;  // when a line was last looked at
  // By worker, for when it is lost: what runs there, and what it was promised to.
  std::map<NodeId, std::set<RequestId>> running_;
  std::map<NodeId, std::set<RequestId>> promised_;
  std::set<RequestId> flowed_;  // to prefill-heavy workers, or kept there
  bool draining_ = false;
  SchedulerCounts counts_;
  std::vector<SchedulerAction> actions_;
};

}  // namespace cairn
