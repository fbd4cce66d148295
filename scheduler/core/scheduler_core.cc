#include "scheduler/core/scheduler_core.h"

#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

SchedulerCore::SchedulerCore(const SchedulerLimits& limits) : limits_(limits) {}

void SchedulerCore::Handle(const SchedulerEvent& event, Instant now) {
  std::visit([&](const auto& e) { On(e, now); }, event);
  AssignFromQueue();
}

std::vector<SchedulerAction> SchedulerCore::TakeActions() { return std::exchange(actions_, {}); }

void SchedulerCore::On(const RequestSubmitted& event, Instant now) {
  const RequestId id = event.request.id;
  CAIRN_CHECK(!requests_.contains(id));
  if (std::optional<Shed> shed = WhyShed(event.request)) {
    ++counts_.shed;
    actions_.push_back(*shed);
    return;
  }
  ++counts_.accepted;
  actions_.push_back(Accepted{id});
  Request& request = requests_[id];
  request.body = event.request;
  request.arrival = now;
  request.order = arrivals_++;
  request.choices.resize(event.request.choices);
  Enqueue(request);
}

std::optional<Shed> SchedulerCore::WhyShed(const GenerationRequest& request) const {
  Shed shed{.request = request.id};
  const Duration wait = PredictedWait();
  // At least a second: a client that comes back sooner only adds to what made us shed.
  shed.retry_after = std::max(Seconds(1), wait);
  if (draining_) {
    shed.reason = ShedReason::kDraining;
    return shed;
  }
  if (workers_.empty()) {
    shed.reason = ShedReason::kNoWorker;
    return shed;
  }
  if (requests_.size() >= limits_.live_requests_max ||
      queued_tokens_ + request.prompt.size() > limits_.queued_tokens_max) {
    shed.reason = ShedReason::kQueueFull;
    return shed;
  }
  if (wait > limits_.queue_wait_max) {
    shed.reason = ShedReason::kWaitTooLong;
    return shed;
  }
  return std::nullopt;
}

Duration SchedulerCore::PredictedWait() const {
  // Prompts still to be computed, over the sum of what the workers compute in a second.
  uint64_t tokens = queued_tokens_;
  int64_t tokens_per_second = 0;
  for (const auto& [node, worker] : workers_) {
    tokens += worker.unprefilled_tokens;
    if (worker.token_cost > Duration()) {
      tokens_per_second += 1'000'000'000 / worker.token_cost.nanoseconds();
    }
  }
  if (tokens_per_second == 0) return Duration();
  return Nanoseconds(static_cast<int64_t>(tokens) * 1'000'000 / tokens_per_second * 1'000);
}

void SchedulerCore::Enqueue(Request& request) {
  request.state = RequestState::kQueued;
  queue_.insert({request.body.priority, request.order, request.body.id});
  queued_tokens_ += request.body.prompt.size();
}

void SchedulerCore::Dequeue(const Request& request) {
  const size_t removed = queue_.erase({request.body.priority, request.order, request.body.id});
  CAIRN_CHECK_EQ(removed, 1u);
  queued_tokens_ -= request.body.prompt.size();
}

WorkerView* SchedulerCore::WorkerWithRoom() {
  WorkerView* best = nullptr;
  for (auto& [node, worker] : workers_) {
    if (worker.unprefilled_requests >= limits_.unprefilled_requests_max) continue;
    if (worker.unprefilled_tokens >= limits_.unprefilled_tokens_max) continue;
    if (best == nullptr || worker.unprefilled_tokens < best->unprefilled_tokens) best = &worker;
  }
  return best;
}

void SchedulerCore::AssignFromQueue() {
  while (!queue_.empty()) {
    WorkerView* worker = WorkerWithRoom();
    if (worker == nullptr) return;
    Request& request = requests_.at(queue_.begin()->request);
    Dequeue(request);
    request.state = RequestState::kPrefilling;
    request.worker = worker->node;
    request.epoch = worker->epoch;
    running_[worker->node].insert(request.body.id);
    ++worker->live_requests;
    ++worker->unprefilled_requests;
    worker->unprefilled_tokens += request.body.prompt.size();
    actions_.push_back(SendAssignment{worker->node, worker->epoch, Assign{request.body}});
    for (uint32_t i = 0; i < request.choices.size(); ++i) {
      if (!request.choices[i].ended) continue;  // only after a restart
      actions_.push_back(
          SendAssignment{worker->node, worker->epoch, StopChoice{request.body.id, i}});
    }
  }
}

void SchedulerCore::On(const RequestCancelled& event, Instant) {
  const auto found = requests_.find(event.request);
  if (found == requests_.end()) return;  // it ended while the cancel was on its way
  Request& request = found->second;
  switch (request.state) {
    case RequestState::kQueued:
      ++counts_.cancelled;
      Dequeue(request);
      End(event.request, FinishReason::kCancelled, 0);
      return;
    case RequestState::kPrefilling:
    case RequestState::kDecoding: {
      ++counts_.cancelled;
      Forget(workers_.at(request.worker), request);
      request.state = RequestState::kCancelling;
      actions_.push_back(SendAssignment{request.worker, request.epoch, Cancel{event.request}});
      return;
    }
    case RequestState::kCancelling:
      return;
  }
}

void SchedulerCore::On(const ChoiceStopped& event, Instant) {
  const auto found = requests_.find(event.request);
  if (found == requests_.end()) return;
  Request& request = found->second;
  if (event.choice >= request.choices.size()) return;
  ChoiceProgress& choice = request.choices[event.choice];
  if (choice.stopping || choice.ended) return;
  if (request.state != RequestState::kPrefilling && request.state != RequestState::kDecoding) return;
  choice.stopping = true;
  actions_.push_back(SendAssignment{request.worker, request.epoch,
                                    StopChoice{event.request, event.choice}});
}

void SchedulerCore::On(const WorkerJoined& event, Instant now) {
  const auto known = workers_.find(event.worker);
  if (known != workers_.end()) {
    if (known->second.epoch >= event.epoch) return;  // an old word
    DropWorker(event.worker);
  }
  WorkerView& worker = workers_[event.worker];
  worker.node = event.worker;
  worker.epoch = event.epoch;
  worker.heard = now;
}

void SchedulerCore::On(const WorkerLost& event, Instant) {
  const auto known = workers_.find(event.worker);
  if (known == workers_.end() || known->second.epoch != event.epoch) return;
  DropWorker(event.worker);
}

void SchedulerCore::DropWorker(NodeId node) {
  workers_.erase(node);
  const auto running = running_.extract(node);
  if (running.empty()) return;
  for (const RequestId id : running.mapped()) {
    Request& request = requests_.at(id);
    if (request.state == RequestState::kCancelling) {
      End(id, FinishReason::kCancelled, 0);
      continue;
    }
    // It runs again from its prompt; the client hears only what it has not heard yet, since a draw
    // depends on seed and position alone and so the same tokens come again. A choice whose stop string
    // was found has nothing more to say.
    for (uint32_t i = 0; i < request.choices.size(); ++i) {
      ChoiceProgress& choice = request.choices[i];
      if (choice.stopping && !choice.ended) {
        choice.ended = true;
        actions_.push_back(DeliverWord{id, ChoiceEnded{id, i, FinishReason::kStop, ""}});
      }
    }
    if (std::ranges::all_of(request.choices, &ChoiceProgress::ended)) {
      End(id, FinishReason::kStop, 0);
      continue;
    }
    ++counts_.restarted;
    Enqueue(request);
  }
}

void SchedulerCore::On(const DrainStarted&, Instant) { draining_ = true; }

void SchedulerCore::On(const WorkerReported& event, Instant now) {
  const auto known = workers_.find(event.worker);
  if (known == workers_.end() || known->second.epoch != event.epoch) return;
  WorkerView& worker = known->second;
  std::visit(
      [&](const auto& word) {
        if constexpr (std::is_same_v<std::decay_t<decltype(word)>, WorkerLoad>) {
          HearLoad(worker, word, now);
        } else {
          const auto found = requests_.find(word.request);
          if (found == requests_.end()) return;
          Request& request = found->second;
          if (request.worker != event.worker || request.epoch != event.epoch ||
              request.state == RequestState::kQueued) {
            return;  // a word of an earlier run of this request
          }
          Hear(worker, request, word);
        }
      },
      event.report);
}

void SchedulerCore::Hear(WorkerView& worker, Request& request, const PrefillDone& word) {
  if (request.state != RequestState::kPrefilling) return;
  request.state = RequestState::kDecoding;
  --worker.unprefilled_requests;
  worker.unprefilled_tokens -= request.body.prompt.size();
  if (request.prefill_told) return;
  request.prefill_told = true;
  actions_.push_back(DeliverWord{word.request, word});
}

void SchedulerCore::Hear(WorkerView&, Request& request, const TokenProduced& word) {
  if (request.state == RequestState::kCancelling || word.choice >= request.choices.size()) return;
  ChoiceProgress& choice = request.choices[word.choice];
  if (choice.ended || choice.stopping || word.position != choice.tokens) return;  // heard, or too late
  ++choice.tokens;
  actions_.push_back(DeliverWord{word.request, word});
}

void SchedulerCore::Hear(WorkerView&, Request& request, const ChoiceEnded& word) {
  if (word.choice >= request.choices.size()) return;
  ChoiceProgress& choice = request.choices[word.choice];
  if (choice.ended) return;
  choice.ended = true;
  actions_.push_back(DeliverWord{word.request, word});
}

void SchedulerCore::Hear(WorkerView& worker, Request& request, const RequestEnded& word) {
  if (request.state != RequestState::kCancelling) Forget(worker, request);
  running_[worker.node].erase(word.request);
  End(word.request, request.state == RequestState::kCancelling ? FinishReason::kCancelled
                                                               : FinishReason::kFailed,
      word.preemptions);
}

void SchedulerCore::HearLoad(WorkerView& worker, const WorkerLoad& load, Instant now) {
  // Small steps are all overhead and memory; only a step with real prefill tells what a prompt costs.
  constexpr uint32_t kTellingTokens = 64;
  if (load.steps != worker.load.steps && load.last_step_tokens >= kTellingTokens) {
    const Duration cost = load.last_step / load.last_step_tokens;
    worker.token_cost =
        worker.token_cost == Duration() ? cost : (worker.token_cost * 7 + cost) / 8;
  }
  worker.load = load;
  worker.heard = now;
}

void SchedulerCore::Forget(WorkerView& worker, const Request& request) {
  --worker.live_requests;
  if (request.state == RequestState::kPrefilling) {
    --worker.unprefilled_requests;
    worker.unprefilled_tokens -= request.body.prompt.size();
  }
}

// Ends what the worker has not ended itself, then the request.
void SchedulerCore::End(RequestId id, FinishReason reason, uint32_t preemptions) {
  const auto found = requests_.find(id);
  CAIRN_CHECK(found != requests_.end());
  Request& request = found->second;
  for (uint32_t i = 0; i < request.choices.size(); ++i) {
    if (request.choices[i].ended) continue;
    actions_.push_back(DeliverWord{
        id, ChoiceEnded{id, i, reason,
                        reason == FinishReason::kFailed ? "the worker ended without a reason" : ""}});
  }
  ++counts_.ended;
  actions_.push_back(DeliverWord{id, RequestEnded{id, preemptions}});
  requests_.erase(found);
}

}  // namespace cairn
