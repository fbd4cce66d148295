// What a worker core knows and how it changes: the inside of worker_core.h. Events are handled in
// worker_events.cc, steps are planned in worker_steps.cc, requests go from worker to worker in
// worker_handoff.cc, and blocks that other workers have cached come by worker_fetch.cc.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kvstore/base/report.h"
#include "kvstore/core/store_core.h"
#include "worker/core/block_fetch.h"
#include "worker/core/live_request.h"
#include "worker/core/sequence.h"
#include "worker/core/step_plan.h"
#include "worker/core/step_planner.h"
#include "worker/core/worker_action.h"
#include "worker/core/worker_core.h"
#include "worker/core/worker_event.h"

namespace cairn {

class WorkerState {
 public:
  WorkerState(const WorkerLimits& limits, const StoreLimits& store, const ModelIdentity& model);

  void Handle(Assign event);
  void Handle(const Cancel& event);
  void Handle(const StopChoice& event);
  void Handle(const Yield& event);
  void Handle(Follow event);
  void Handle(const SetPromptChunk& event);
  void Handle(const Ask& event);  // worker_ask.cc
  void Handle(StepFinished event);
  void Handle(const MoveFinished& event) { store_.Handle(event); }
  void Handle(const PeerSaid& event);
  void Handle(const FetchFinished& event);
  void Handle(const BlocksAsked& event);
  void Handle(const BlocksSent& event) { sends_.erase(event.id); }
  void Tick(Instant now);
  std::optional<Instant> NextDeadline() const { return next_end_; }
  std::vector<WorkerAction> TakeActions();

  bool idle() const;
  WorkerLoad load() const;
  const PrefixFetchCounts& prefix_fetches() const { return fetch_counts_; }
  const StoreCore& store() const { return store_; }
  StoreCore& store() { return store_; }

 private:
  // One span of the step that is out.
  struct SpanOut {
    Sequence* sequence = nullptr;
    uint32_t end = 0;  // the first position behind it
    size_t samples = 0;
  };
  // What a sequence's wish for slots came to.
  enum class Growth { kGranted, kLater, kPreempted };

  // --- worker_events.cc
  std::unique_ptr<Sequence> NewSequence(LiveRequest& live, uint32_t choice, BlockChain chain);
  std::optional<std::string> WhyRefused(const Assign& assign) const;
  void Refuse(const GenerationRequest& request, std::string message);
  void TellPrefilled(LiveRequest& live);
  bool NeedsSettling(const LiveRequest& live) const;
  void Settle(RequestId id);
  void FinishSpan(const SpanOut& span, SpanSamples samples);
  void FinishPrompt(LiveRequest& live, Sequence& primary, SpanSamples samples);
  void Fork(LiveRequest& live, const Sequence& primary, uint32_t choice);
  void TakeToken(LiveRequest& live, uint32_t choice, SampledToken sampled);
  void FailSpan(Sequence& sequence, const std::string& message);
  void EndChoice(LiveRequest& live, uint32_t choice, FinishReason reason, std::string message = "");
  void EndRequest(RequestId id, FinishReason reason);  // of all open choices
  void EraseIfEnded(RequestId id);
  LiveRequest* Find(RequestId id);
  bool InStep(const LiveRequest& live) const;
  void Send(Report report) { reports_.push_back(std::move(report)); }

  // --- worker_handoff.cc
  void ResumeChoices(LiveRequest& live, const BlockChain& prompt, const Assign& assign);
  void GiveUp(RequestId id);  // a request that goes on elsewhere
  void TellFollower(LiveRequest& live, const Sequence& sequence);
  void Hear(NodeLife from, const BlocksSealed& word);
  void Hear(NodeLife from, const LoanWanted& word);
  void Hear(NodeLife from, const LoanDone& word);
  void KeepLoans();
  void FetchAhead(RequestId id, FollowedPrompt& followed);
  void FetchFor(Sequence& sequence, uint32_t fetched);
  FetchId StartFetching(BlockFetch fetch, std::vector<BlockKey> keys = {});
  uint32_t TakeArrived(const BlockFetch& fetch, const FetchFinished& event);
  Sequence* WhoFetches(RequestId request, FetchId fetch);
  void DropSource(Sequence& sequence);
  void NoteEnd(Instant ends);
  void EndFollow(RequestId id);
  void EndLoan(RequestId id);
  bool DropOneFollow();
  void GiveWay();

  // --- worker_fetch.cc
  uint32_t FetchEnd(const Sequence& sequence, uint32_t full) const;
  void FetchPrefix(Sequence& sequence, uint32_t fetched);
  void EndLateFetches();
  void Lend(const BlocksAsked& event);

  // --- worker_ask.cc
  uint32_t BlocksFound(const std::vector<PrefixMark>& marks) const;
  uint32_t BlocksToCome(const std::vector<PrefixMark>& marks) const;

  // --- worker_steps.cc
  void SetRunning(Sequence& sequence, SequenceState state);
  std::map<Rank, Sequence*>& QueueFor(const Sequence& sequence);
  uint64_t PrefillBefore(const Rank& rank) const;
  void Enqueue(Sequence& sequence);     // REQUIRES: holds nothing, waits nowhere
  void SetWaiting(Sequence& sequence);  // gives everything back
  void StopWaiting(Sequence& sequence);
  void Forget(Sequence& sequence);  // takes it out of the queues, gives everything back
  void Preempt(Sequence& sequence);
  void SettleArrivals();
  bool GrowRunning();
  Growth Grow(Sequence& sequence);
  void AdmitWaiting();
  Growth Admit(Sequence& sequence);
  ClaimAnswer ClaimFor(Sequence& sequence);
  void Begin(Sequence& sequence, ChainClaim claim);
  bool PreemptForPriority(const Sequence& sequence);
  uint32_t SpareSlots() const;
  void AdoptPublished(Sequence& sequence);
  std::optional<StepPlan> PlanNextStep();
  StepSpan MakeSpan(Sequence& sequence, uint32_t tokens);
  void AddSamples(const Sequence& sequence, StepSpan& span);

  WorkerLimits limits_;
  ModelIdentity model_;
  uint32_t block_tokens_;
  uint32_t context_limit_;
  StoreCore store_;  // outlives the requests, whose sequences hold leases and slots

  absl::flat_hash_map<RequestId, std::unique_ptr<LiveRequest>>
      requests_;                       // looked up, never walked
  std::map<Rank, Sequence*> running_;  // hold blocks: kArriving and kRunning
  std::map<Rank, Sequence*> waiting_;
  std::map<Rank, Sequence*> handed_;  // wait too, and bring their KV along: they go first

  bool step_out_ = false;
  std::vector<SpanOut> spans_out_;  // in the plan's order
  std::vector<Report> reports_;
  // Of PlanNextStep, kept for their memory.
  std::vector<Sequence*> ready_;
  std::vector<StepCandidate> candidates_;

  // Handoffs. They hold blocks of the store, as the requests do.
  std::map<FetchId, BlockFetch> fetches_;
  std::map<SendId, BlockSend> sends_;
  std::map<RequestId, Loan> loans_;
  std::map<RequestId, FollowedPrompt> followed_;
  std::vector<WorkerAction> handoff_actions_;
  Instant now_;
  std::optional<Instant> next_end_;  // no loan, followed prompt or wait ends before
  Instant loans_kept_;               // when sources were last told that we still wait
  uint64_t last_fetch_ = 0;
  uint64_t last_send_ = 0;
  PrefixFetchCounts fetch_counts_;

  uint64_t last_arrival_ = 0;
  uint64_t last_sequence_ = 0;
  uint64_t waiting_tokens_ = 0;  // of waiting sequences, without those that were in the store
  uint32_t requests_running_ = 0;
  WorkerLoad totals_;  // the parts of the load that are counted as they happen
};

}  // namespace cairn
