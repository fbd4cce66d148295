#include "scheduler/core/scheduler_core.h"

#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

SchedulerCore::SchedulerCore(const SchedulerLimits& limits)
    : limits_(limits),
      queue_(limits.priority_ageing),
      tenants_(limits.tenants),
      classes_(limits.classes.value_or(
          LatencyClasses({.name = "standard", .target = {.ttft = limits.routing.ttft_slo}}))),
      attainment_(classes_.size()),
      policy_(MakeRoutingPolicy(limits.routing, std::max(1u, limits.block_tokens))),
      directory_(limits.directory) {}

void SchedulerCore::Handle(const SchedulerEvent& event, Instant now) {
  now_ = now;
  std::visit([&](const auto& e) { On(e, now); }, event);
  ExpireLate(now);
  TickDirectory(now);
  RouteWaiting(now);
  AssignFromLines(now);
}

std::vector<SchedulerAction> SchedulerCore::TakeActions() { return std::exchange(actions_, {}); }

void SchedulerCore::On(const RequestSubmitted& event, Instant now) {
  const RequestId id = event.request.id;
  CAIRN_CHECK(!requests_.contains(id));
  Request request = MakeRequest(event, now);
  std::optional<Placement> placement;
  const DoorVerdict verdict = Judge(request, now, placement);
  if (verdict.shed) {
    ++counts_.shed;
    ++counts_.shed_by_reason[static_cast<size_t>(verdict.reason)];
    ++attainment_[request.latency_class].shed;
    tenants_.Shed(request.tenant);
    if (placement && placement->by_policy) policy_->TakeBack(*placement->by_policy);
    actions_.push_back(Shed{id, verdict.reason, verdict.retry_after});
    return;
  }
  ++counts_.accepted;
  ++attainment_[request.latency_class].accepted;
  tenants_.Accept(request.tenant);
  actions_.push_back(Accepted{id});
  ++arrivals_;
  if (request.body.deadline > Duration()) deadlines_.emplace(now + request.body.deadline, id);
  ending_.Begin(now);
  Request& kept = requests_[id] = std::move(request);
  StartWaiting(kept);
  if (!AskFirst(kept, *placement, now)) Place(kept, *placement, now);
}

void SchedulerCore::StartWaiting(Request& request) {
  tenants_.Wait(request.tenant, request.body.prompt.size());
  leaving_.Begin(now_);
  Enqueue(request, std::nullopt);
}

void SchedulerCore::StopWaiting(const Request& request) {
  Dequeue(request);
  LeaveQueue(request);
}

void SchedulerCore::LeaveQueue(const Request& request) {
  tenants_.Leave(request.tenant, request.body.prompt.size());
  leaving_.Finish(request.body.prompt.size(), queue_.size() > 0, now_);
}

void SchedulerCore::On(const RequestCancelled& event, Instant) {
  const auto found = requests_.find(event.request);
  if (found == requests_.end()) return;  // it ended while the cancel was on its way
  if (found->second.state == RequestState::kCancelling) return;
  ++counts_.cancelled;
  Stop(found->second, FinishReason::kCancelled, "");
}

// Ends a request that waits; tells the worker to let go of one that runs. REQUIRES: not stopped
// yet.
void SchedulerCore::Stop(Request& request, FinishReason reason, std::string_view message) {
  const RequestId id = request.body.id;
  if (request.state == RequestState::kQueued) {
    StopWaiting(request);
    End(id, reason, 0, message);
    return;
  }
  Forget(workers_.at(request.worker), request);
  EndFollow(request, /*comes=*/false);
  request.state = RequestState::kCancelling;
  request.end_reason = reason;
  // Somebody still listens who should not have to wait for the worker.
  if (reason == FinishReason::kExpired) EndChoices(request, reason, message);
  actions_.push_back(SendAssignment{request.worker, request.epoch, Cancel{id}});
}

void SchedulerCore::EndChoices(Request& request, FinishReason reason, std::string_view message) {
  const RequestId id = request.body.id;
  for (uint32_t i = 0; i < request.choices.size(); ++i) {
    if (std::exchange(request.choices[i].ended, true)) continue;
    actions_.push_back(DeliverWord{id, ChoiceEnded{id, i, reason, std::string(message)}});
  }
}

void SchedulerCore::ExpireLate(Instant now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Request& request = requests_.at(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    if (request.state == RequestState::kCancelling) continue;
    Expire(request, "its deadline has passed");
  }
}

void SchedulerCore::Expire(Request& request, std::string_view message) {
  ++counts_.expired;
  ++attainment_[request.latency_class].expired;
  Stop(request, FinishReason::kExpired, message);
}

std::optional<Instant> SchedulerCore::NextDeadline() const {
  std::optional<Instant> next;
  for (const auto* ends : {&deadlines_, &ask_ends_}) {
    if (!ends->empty() && (!next || ends->begin()->first < *next)) next = ends->begin()->first;
  }
  return next;
}

// Whether its first token can come in time if its prompt is begun now.
bool SchedulerCore::CanMeetDeadline(const WorkerView& worker, const Request& request,
                                    Instant now) const {
  if (request.body.deadline == Duration() || !worker.cost.known()) return true;
  return now + worker.TimeFor(request.work_tokens) <= request.arrival + request.body.deadline;
}

void SchedulerCore::On(const ChoiceStopped& event, Instant) {
  const auto found = requests_.find(event.request);
  if (found == requests_.end()) return;
  Request& request = found->second;
  if (event.choice >= request.choices.size()) return;
  ChoiceProgress& choice = request.choices[event.choice];
  if (choice.stopping || choice.ended || request.state == RequestState::kCancelling) return;
  choice.stopping = true;
  if (request.state == RequestState::kQueued) {
    // Its worker was lost meanwhile: nobody else will end the choice.
    const bool last = std::ranges::all_of(
        request.choices, [](const ChoiceProgress& one) { return one.stopping || one.ended; });
    if (last) StopWaiting(request);
    EndStopped(request);
    return;
  }
  actions_.push_back(
      SendAssignment{request.worker, request.epoch, StopChoice{event.request, event.choice}});
}

void SchedulerCore::On(const WorkerJoined& event, Instant now) {
  const auto before = workers_.find(event.worker);
  if (before != workers_.end()) {
    if (before->second.epoch >= event.epoch) return;  // an old word
    DropWorker(event.worker);
  }
  WorkerView& worker = workers_[event.worker];
  worker.node = event.worker;
  worker.epoch = event.epoch;
  worker.step_tokens = event.step_tokens;
  worker.role = event.role;
  worker.heard = now;
  worker.backlog.Hear(0, now);
  worker.holder = directory_.Join(event.worker, event.epoch);
  sent_.try_emplace(event.worker, directory_.index(), worker.holder);
  // Nothing is known of its speed: taken to be that of another.
  const auto known =
      std::ranges::find_if(workers_, [](const auto& other) { return other.second.cost.known(); });
  if (known != workers_.end()) worker.cost.Assume(known->second.cost);
  LearnFleet();
}

void SchedulerCore::On(const WorkerLost& event, Instant) {
  const auto known = workers_.find(event.worker);
  if (known == workers_.end() || known->second.epoch != event.epoch) return;
  DropWorker(event.worker);
}

void SchedulerCore::DropWorker(NodeId node) {
  RouteLineAgain(node);
  ForgetAsked(node);
  shadows_.erase(node);
  sent_.erase(node);
  directory_.Leave(node);
  touched_.erase(node);
  rebalanced_.erase(node);
  workers_.erase(node);
  LearnFleet();
  // It may be back in the same life: then nothing is promised to it any more.
  if (const auto promised = promised_.extract(node)) {
    for (const RequestId id : promised.mapped()) requests_.at(id).follower.reset();
  }
  const auto running = running_.extract(node);
  if (running.empty()) return;
  for (const RequestId id : running.mapped()) {
    Request& request = requests_.at(id);
    if (request.state == RequestState::kCancelling) {
      End(id, request.end_reason, 0);
      continue;
    }
    // It goes on elsewhere behind the last token that the client has heard: a draw depends on seed
    // and position alone, so what was lost on the way comes again.
    request.kv_tokens = 0;
    EndFollow(request, /*comes=*/false);
    if (EndStopped(request)) continue;
    StartWaiting(request);
  }
}

// A choice whose stop string was found has nothing more to say.
bool SchedulerCore::EndStopped(Request& request) {
  const RequestId id = request.body.id;
  for (uint32_t i = 0; i < request.choices.size(); ++i) {
    ChoiceProgress& choice = request.choices[i];
    if (!choice.stopping || choice.ended) continue;
    choice.ended = true;
    actions_.push_back(DeliverWord{id, ChoiceEnded{id, i, FinishReason::kStop, ""}});
  }
  if (!std::ranges::all_of(request.choices, &ChoiceProgress::ended)) return false;
  End(id, FinishReason::kStop, 0);
  return true;
}

void SchedulerCore::On(const DrainStarted&, Instant) { draining_ = true; }

void SchedulerCore::On(const BlocksPublished& event, Instant now) {
  HearDirectory(event.batch.node, directory_.Hear(event.batch, now));
}

void SchedulerCore::On(const BlocksListed& event, Instant now) {
  HearDirectory(event.part.node, directory_.Hear(event.part, now));
}

void SchedulerCore::On(const WorkerReported& event, Instant now) {
  const auto known = workers_.find(event.worker);
  if (known == workers_.end() || known->second.epoch != event.epoch) return;
  WorkerView& worker = known->second;
  std::visit(
      [&](const auto& word) {
        if constexpr (std::is_same_v<std::decay_t<decltype(word)>, WorkerLoad>) {
          HearLoad(worker, word, now);
        } else if constexpr (std::is_same_v<std::decay_t<decltype(word)>, AskAnswered>) {
          HearAnswer(worker, word, now);
        } else {
          const auto found = requests_.find(word.request);
          if (found == requests_.end()) return;
          Request& request = found->second;
          if (request.worker != event.worker || request.epoch != event.epoch ||
              request.state == RequestState::kQueued) {
            return;  // a word of an earlier run of this request
          }
          Hear(worker, request, word, now);
        }
      },
      event.report);
}

void SchedulerCore::Hear(WorkerView& worker, Request& request, const PrefillDone& word, Instant) {
  if (request.state != RequestState::kPrefilling) return;
  EndPrefill(worker, request, request.work_tokens);
  request.state = RequestState::kDecoding;
  counts_.hit_tokens += word.usage.cached_tokens();
  counts_.fetched_tokens += word.usage.fetched_tokens;
  NotePrefilled(worker, request, word.told_through);
  if (request.prefill_told) return;
  request.prefill_told = true;
  actions_.push_back(DeliverWord{word.request, word});
}

void SchedulerCore::Hear(WorkerView& worker, Request& request, const TokenProduced& word,
                         Instant now) {
  if (request.state == RequestState::kCancelling || word.choice >= request.choices.size()) return;
  ChoiceProgress& choice = request.choices[word.choice];
  if (choice.ended || choice.stopping || word.position != choice.heard.size()) {
    return;  // heard, or too late
  }
  choice.heard.push_back(word.token.token);
  tenants_.ChargeOutput(request.tenant, 1);
  request.paces[word.choice].Hear(now);
  if (!std::exchange(request.first_heard, true)) {
    CountTtft(request.body.slo, now - request.arrival, attainment_[request.latency_class]);
  }
  ++request.kv_tokens;
  ++worker.kv_tokens;
  if (request.flowed) FlowBack();
  actions_.push_back(DeliverWord{word.request, word});
}

void SchedulerCore::Hear(WorkerView&, Request& request, const ChoiceEnded& word, Instant) {
  if (word.choice >= request.choices.size()) return;
  ChoiceProgress& choice = request.choices[word.choice];
  if (choice.ended) return;
  choice.ended = true;
  ChoiceEnded told = word;
  // Since it was told to stop its tokens are held back, and with them whatever they led to.
  if (choice.stopping) told.reason = FinishReason::kStop;
  if (request.state == RequestState::kCancelling) told.reason = FinishReason::kCancelled;
  if (told.reason == FinishReason::kStop || told.reason == FinishReason::kLength) {
    CountTpot(request.body.slo, request.paces[word.choice], attainment_[request.latency_class]);
  }
  actions_.push_back(DeliverWord{word.request, std::move(told)});
}

void SchedulerCore::Hear(WorkerView& worker, Request& request, const RequestEnded& word, Instant) {
  if (request.state != RequestState::kCancelling) Forget(worker, request);
  running_[worker.node].erase(word.request);
  sent_.at(worker.node).GiveUp(word.request);  // unless its prompt was there
  End(word.request,
      request.state == RequestState::kCancelling ? request.end_reason : FinishReason::kFailed,
      word.preemptions);
}

void SchedulerCore::HearLoad(WorkerView& worker, const WorkerLoad& load, Instant now) {
  if (load.steps != worker.load.steps) {
    worker.cost.Learn(load.last_step_tokens, load.last_step);
  }
  worker.load = load;
  worker.heard = now;
  // Said before the last answer, and carried more slowly.
  const bool older = worker.answered_steps && load.steps <= *worker.answered_steps;
  if (!older) worker.backlog.Hear(load.prefill_tokens_left, now);
  FlowFrom(worker);
  if (worker.role != PhaseRole::kPrefillHeavy) FlowBack();
}

// `computed` of its tokens; none if it was stopped before.
void SchedulerCore::EndPrefill(WorkerView& worker, const Request& request, uint64_t computed) {
  CAIRN_CHECK_EQ(worker.unprefilled.erase(PlaceOnWorker(request)), 1u);
  worker.unprefilled_tokens -= request.work_tokens;
  worker.drain.Finish(computed, !worker.unprefilled.empty(), now_);
  worker.backlog.Finish(request.work_tokens);
  touched_.insert(worker.node);
}

void SchedulerCore::Forget(WorkerView& worker, Request& request) {
  --worker.live_requests;
  worker.kv_tokens -= std::exchange(request.kv_tokens, 0);
  if (request.state == RequestState::kPrefilling) EndPrefill(worker, request, 0);
}

// Ends what the worker has not ended itself, then the request.
void SchedulerCore::End(RequestId id, FinishReason reason, uint32_t preemptions,
                        std::string_view message) {
  const auto found = requests_.find(id);
  CAIRN_CHECK(found != requests_.end());
  Request& request = found->second;
  if (reason == FinishReason::kFailed) message = "the worker ended without a reason";
  EndChoices(request, reason, message);
  if (request.body.deadline > Duration()) {
    deadlines_.erase({request.arrival + request.body.deadline, id});
  }
  EndFollow(request, /*comes=*/false);
  EndAsking(id);
  ++counts_.ended;
  tenants_.End(request.tenant);
  flowed_.erase(id);
  ending_.Finish(1, requests_.size() > 1, now_);
  actions_.push_back(DeliverWord{id, RequestEnded{id, request.preemptions + preemptions}});
  requests_.erase(found);
}

}  // namespace cairn
