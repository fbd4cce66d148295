// Which phase runs where, and how requests go from worker to worker: the phases part of the
// scheduler core. What is decided is in phase_placer.h; here it is carried out.
#include <algorithm>
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
}

std::optional<RouteChoice> SchedulerCore::PlaceOutsideThePolicy(const RouteRequest& request,
                                                                Instant now) const {
  if (prefill_fleet_.empty()) return std::nullopt;  // then the policy has everybody to choose from
  const FleetView fleet = FleetOf(decode_fleet_, now);
  return PlacePrefill(request, fleet, limits_.routing, limits_.phases);
}

// A prefill-heavy worker keeps a request only until its first token, if somebody else can go on.
void SchedulerCore::PlanHandoff(const WorkerView& worker, Request& request, Assign& assign) {
  if (worker.role != PhaseRole::kPrefillHeavy || request.flowed) return;
  if (request.choices.size() != 1 || request.body.max_tokens < 2) return;
  const std::optional<NodeId> next =
      PlaceDecode(decode_fleet_, limits_.block_tokens, request.body.prompt.size(), worker.node,
                  /*room_only=*/false, limits_.phases);
  if (!next) return;
  assign.yields = true;
  // Fetching ahead takes room that others could use: only where there is enough of it.
  const std::optional<NodeId> follower =
      PlaceDecode(decode_fleet_, limits_.block_tokens, request.body.prompt.size(), worker.node,
                  /*room_only=*/true, limits_.phases);
  if (!limits_.phases.follow || !follower) return;
  const NodeLife life{*follower, workers_.at(*follower).epoch};
  assign.follower = life;
  request.follower = life;
  workers_.at(*follower).kv_tokens += request.body.prompt.size();
  actions_.push_back(SendAssignment{life.node, life.epoch,
                                    Follow{.request = request.body.id,
                                           .prompt = request.body.prompt,
                                           .cache_salt = request.body.cache_salt,
                                           .source = {worker.node, worker.epoch}}});
}

// Whoever fetched ahead for the request is told that it will not come, unless it does.
void SchedulerCore::EndFollow(Request& request, bool comes) {
  const std::optional<NodeLife> life = std::exchange(request.follower, std::nullopt);
  if (!life) return;
  const auto found = workers_.find(life->node);
  if (found == workers_.end() || found->second.epoch != life->epoch) return;
  found->second.kv_tokens -= request.body.prompt.size();
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
  request.flowed = workers_.at(next).role == PhaseRole::kPrefillHeavy;
  ++counts_.handoffs;
  if (request.flowed) ++counts_.flows;
  Dispatch(workers_.at(next), request, source);
  FlowFrom(workers_.at(next));
}

// A decode that leaves a decode-heavy worker flows to a prefill-heavy one with room; any other goes
// to whoever decodes: who follows it, or who has the most room. With nobody to go to it stays.
NodeId SchedulerCore::NextFor(const WorkerView& worker, const Request& request) const {
  const uint64_t tokens = KvTokensOf(request);
  if (worker.role == PhaseRole::kDecodeHeavy) {
    return PlaceDecode(prefill_fleet_, limits_.block_tokens, tokens, worker.node,
                       /*room_only=*/true, limits_.phases)
        .value_or(worker.node);
  }
  if (request.follower) {
    const auto follower = workers_.find(request.follower->node);
    if (follower != workers_.end() && follower->second.epoch == request.follower->epoch) {
      return follower->first;
    }
  }
  // Where decodes flow, one that finds no room flows at once: it decodes where its KV is rather
  // than wait. One that is nearly late must leave; whoever has slack makes room for it.
  const bool room_only = limits_.phases.flow && !IsNearlyLate(request);
  return PlaceDecode(decode_fleet_, limits_.block_tokens, tokens, worker.node, room_only,
                     limits_.phases)
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
  if (used <= capacity / 100 * limits_.phases.watermark_percent) return;
  uint64_t leaving = 0;
  std::vector<FlowCandidate> candidates;
  for (const RequestId id : running_[worker.node]) {
    const Request& request = requests_.at(id);
    if (request.state != RequestState::kDecoding || request.choices.size() != 1) continue;
    if (request.yielding) {
      leaving += KvTokensOf(request);
      continue;
    }
    if (IsNearlyLate(request)) continue;  // it has no slack to spend
    candidates.push_back({.request = id,
                          .order = request.order,
                          .output = static_cast<uint32_t>(request.choices[0].heard.size()),
                          .kv_tokens = KvTokensOf(request)});
  }
  for (const RequestId id :
       PlanFlow(std::move(candidates), used, leaving, capacity, limits_.phases)) {
    const uint64_t tokens = KvTokensOf(requests_.at(id));
    if (!PlaceDecode(prefill_fleet_, limits_.block_tokens, tokens, worker.node, /*room_only=*/true,
                     limits_.phases)) {
      return;
    }
    AskToYield(requests_.at(id));
  }
}

void SchedulerCore::FlowBackIfLate(Request& request) {
  if (!limits_.phases.flow || !request.flowed || request.yielding) return;
  if (request.state != RequestState::kDecoding || decode_fleet_.empty()) return;
  if (!IsNearlyLate(request)) return;
  ++counts_.backflows;
  AskToYield(request);
}

void SchedulerCore::AskToYield(Request& request) {
  request.yielding = true;
  actions_.push_back(SendAssignment{request.worker, request.epoch, Yield{request.body.id}});
}

// Of its pace so far.
bool SchedulerCore::IsNearlyLate(const Request& request) const {
  const Duration own = request.body.slo.tpot;
  const Duration target = own > Duration() ? own : limits_.phases.tpot_slo;
  return FlowsBack(request.paces[0].tpot().value_or(Duration()), target, limits_.phases);
}

uint64_t SchedulerCore::KvTokensOf(const Request& request) {
  uint64_t tokens = request.body.prompt.size();
  for (const ChoiceProgress& choice : request.choices) {
    if (!choice.ended) tokens += choice.heard.size();
  }
  return tokens;
}

}  // namespace cairn
