// Which phase runs where, and how requests go from worker to worker: the phases part of the
// scheduler core. What is decided is in phase_placer.h; here it is carried out.
#include <algorithm>
#include <tuple>
#include <utility>

#include "scheduler/core/phase_placer.h"
#include "scheduler/core/scheduler_core.h"

namespace cairn {

void SchedulerCore::On(const WorkerTuned& event, Instant) {
  const auto known = workers_.find(event.worker);
  if (known == workers_.end()) return;
  WorkerView& worker = known->second;
  worker.role = event.role;
  worker.step_tokens = event.prompt_chunk;
  // A strict split is the scheduler's business: the worker itself must be able to compute what is
  // lost.
  if (event.prompt_chunk > 0) {
    actions_.push_back(
        SendAssignment{worker.node, worker.epoch, SetPromptChunk{event.prompt_chunk}});
  }
  LearnFleet();
  RouteLineAgain(worker.node);  // its prompts may be for others now
}

std::optional<RouteChoice> SchedulerCore::PlaceOutsideThePolicy(const RouteRequest& request,
                                                                Instant now) const {
  if (prefill_fleet_.empty()) return std::nullopt;  // then the policy has everybody to choose from
  const auto is_idle = [now](const WorkerView* worker) { return worker->TokensAhead(now) == 0; };
  if (std::ranges::any_of(prefill_fleet_, is_idle)) return std::nullopt;  // nobody needs help
  return PlacePrefill(request, FleetOf(decode_fleet_, now), limits_.routing, limits_.phases);
}

// A prefill-heavy worker keeps a request only until its first token, if somebody else can go on.
void SchedulerCore::PlanHandoff(const WorkerView& worker, Request& request, Assign& assign) {
  if (worker.role != PhaseRole::kPrefillHeavy || request.flowed) return;
  if (request.choices.size() != 1 || request.body.max_tokens < 2) return;
  if (!PlaceDecode(decode_fleet_, limits_.block_tokens, 0, worker.node, kAnyRoom)) return;
  // Fetching ahead takes room that others could use: only where there is enough of it.
  const std::optional<NodeId> next =
      PlaceDecode(decode_fleet_, limits_.block_tokens, request.body.prompt.size(), worker.node,
                  limits_.phases.watermark_percent);
  if (!next && limits_.phases.flow) {
    SetFlowed(request, true);  // it begins here, and goes when somebody has room
    return;
  }
  assign.yields = true;
  if (!next || !limits_.phases.follow) return;
  Promise(request, *next);
  assign.follower = request.follower;
  actions_.push_back(SendAssignment{request.follower->node, request.follower->epoch,
                                    Follow{.request = request.body.id,
                                           .prompt = request.body.prompt,
                                           .cache_salt = request.body.cache_salt,
                                           .source = {worker.node, worker.epoch}}});
}

// Keeps room for the request where it will go.
void SchedulerCore::Promise(Request& request, NodeId next) {
  WorkerView& worker = workers_.at(next);
  request.follower = NodeLife{next, worker.epoch};
  promised_[next].insert(request.body.id);
  worker.kv_tokens += request.body.prompt.size();
}

// Whoever fetched ahead for the request is told that it will not come, unless it does.
void SchedulerCore::EndFollow(Request& request, bool comes) {
  const std::optional<NodeLife> life = std::exchange(request.follower, std::nullopt);
  if (!life) return;
  promised_[life->node].erase(request.body.id);
  workers_.at(life->node).kv_tokens -= request.body.prompt.size();
  if (comes) return;
  actions_.push_back(SendAssignment{life->node, life->epoch, Cancel{request.body.id}});
}

void SchedulerCore::Hear(WorkerView& worker, Request& request, const Yielded& word, Instant) {
  const NodeLife source{worker.node, worker.epoch};
  running_[worker.node].erase(word.request);
  sent_.at(worker.node).GiveUp(word.request);  // unless its prompt was there
  request.preemptions += word.preemptions;
  if (request.state == RequestState::kCancelling) {
    return End(word.request, request.end_reason, 0);
  }
  Forget(worker, request);
  if (EndStopped(request)) return;

  const NodeId next = NextFor(worker, request);
  EndFollow(request, /*comes=*/request.follower && request.follower->node == next);
  SetFlowed(request, workers_.at(next).role == PhaseRole::kPrefillHeavy);
  Dispatch(workers_.at(next), request, source);
  FlowFrom(workers_.at(next));
}

// A decode that leaves a decode-heavy worker flows to a prefill-heavy one; any other goes to whom
// it was promised, or to who has the most room. With nobody to go to it stays.
NodeId SchedulerCore::NextFor(const WorkerView& worker, const Request& request) const {
  const uint64_t tokens = KvTokensOf(request);
  if (worker.role == PhaseRole::kDecodeHeavy) {
    return PlaceFlow(prefill_fleet_, limits_.block_tokens, tokens, PaceOf(request), limits_.phases)
        .value_or(worker.node);
  }
  if (request.follower) return request.follower->node;
  return PlaceDecode(decode_fleet_, limits_.block_tokens, tokens, worker.node, kAnyRoom)
      .value_or(worker.node);
}

// Asks decodes to leave a decode-heavy worker whose KV is above the watermark, if they have where
// to go.
void SchedulerCore::FlowFrom(const WorkerView& worker) {
  if (!limits_.phases.flow || worker.role != PhaseRole::kDecodeHeavy || prefill_fleet_.empty()) {
    return;
  }
  const uint64_t capacity = KvCapacity(worker, limits_.block_tokens);
  const uint64_t used = KvUsed(worker, limits_.block_tokens);
  if (used <= KvPart(capacity, limits_.phases.watermark_percent)) return;
  const auto can_go = [this](uint64_t tokens, const DecodePace& pace) {
    return PlaceFlow(prefill_fleet_, limits_.block_tokens, tokens, pace, limits_.phases)
        .has_value();
  };
  if (!can_go(0, {})) return;
  uint64_t leaving = 0;
  std::vector<FlowCandidate> candidates;
  for (const RequestId id : running_[worker.node]) {
    const Request& request = requests_.at(id);
    if (request.state != RequestState::kDecoding || request.choices.size() != 1) continue;
    if (request.yielding) {
      leaving += KvTokensOf(request);
      continue;
    }
    if (!can_go(KvTokensOf(request), PaceOf(request))) continue;
    candidates.push_back({.request = id,
                          .order = request.order,
                          .output = static_cast<uint32_t>(request.choices[0].heard.size()),
                          .kv_tokens = KvTokensOf(request)});
  }
  for (const RequestId id :
       PlanFlow(std::move(candidates), used, leaving, capacity, limits_.phases)) {
    AskToYield(requests_.at(id));
  }
}

// Decodes that run on prefill-heavy workers go back as soon as somebody has room for them, those
// with the least to spare first.
void SchedulerCore::FlowBack() {
  if (flowed_.empty()) return;
  std::vector<std::tuple<bool, Duration, RequestId>> waiting;
  for (const RequestId id : flowed_) {
    const Request& request = requests_.at(id);
    if (request.state != RequestState::kDecoding || request.yielding) continue;
    const DecodePace pace = PaceOf(request);
    waiting.emplace_back(pace.target == Duration(), pace.target - pace.tpot, id);
  }
  std::ranges::sort(waiting);
  for (const auto& [any_pace, spare, id] : waiting) {
    Request& request = requests_.at(id);
    const std::optional<NodeId> next =
        PlaceDecode(decode_fleet_, limits_.block_tokens, KvTokensOf(request), request.worker,
                    limits_.phases.back_percent);
    if (!next) return;
    Promise(request, *next);
    AskToYield(request);
  }
}

void SchedulerCore::SetFlowed(Request& request, bool flowed) {
  request.flowed = flowed;
  if (flowed) {
    flowed_.insert(request.body.id);
  } else {
    flowed_.erase(request.body.id);
  }
}

void SchedulerCore::AskToYield(Request& request) {
  request.yielding = true;
  actions_.push_back(SendAssignment{request.worker, request.epoch, Yield{request.body.id}});
}

DecodePace SchedulerCore::PaceOf(const Request& request) const {
  const Duration own = request.body.slo.tpot;
  return {.output = std::max(1u, static_cast<uint32_t>(request.choices[0].heard.size())),
          .tpot = request.paces[0].tpot().value_or(Duration()),
          .target = own > Duration() ? own : limits_.phases.tpot_slo};
}

uint64_t SchedulerCore::KvTokensOf(const Request& request) {
  uint64_t tokens = request.body.prompt.size();
  for (const ChoiceProgress& choice : request.choices) {
    if (!choice.ended) tokens += choice.heard.size();
  }
  return tokens;
}

}  // namespace cairn
