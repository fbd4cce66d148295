// Where requests wait and run: the routing part of the scheduler core.
#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"
#include "kvstore/block/block_chain.h"
#include "scheduler/core/rebalance.h"
#include "scheduler/core/scheduler_core.h"

namespace cairn {
namespace {

// Of a worker that has not said yet how much it can hold.
constexpr uint64_t kShadowBlocks = 1 << 16;
// The head of a line is all that a rebalancing looks at.
constexpr size_t kRebalancedRequests = 64;
// How soon a line is looked at again: in a lasting overload there is little to move.
constexpr Duration kRebalanceAgain = Milliseconds(50);

// What must have KV before the next token: the prompt, and what was said elsewhere.
uint64_t TokensBefore(const Request& request) {
  size_t said = 0;
  for (const ChoiceProgress& choice : request.choices) {
    if (!choice.ended) said = std::max(said, choice.heard.size());
  }
  return request.body.prompt.size() + said;
}

// Empty for a request of which nothing was heard.
std::vector<ResumedChoice> ResumeOf(const Request& request) {
  std::vector<ResumedChoice> resume;
  bool begun = false;
  for (const ChoiceProgress& choice : request.choices) {
    begun |= choice.ended || !choice.heard.empty();
    resume.push_back(
        {.tokens = choice.ended ? std::vector<TokenId>() : choice.heard, .ended = choice.ended});
  }
  if (!begun) resume.clear();
  return resume;
}

}  // namespace

QueuePlace SchedulerCore::PlaceOf(const Request& request) {
  return {.priority = request.body.priority,
          .tenant = request.tenant,
          .due = DueOf(request.body.slo, request.arrival) + request.yields,
          .order = request.order};
}

// A worker knows nothing of tenants.
QueuePlace SchedulerCore::PlaceOnWorker(const Request& request) {
  QueuePlace place = PlaceOf(request);
  place.tenant = 0;
  return place;
}

Duration SchedulerCore::YieldAt(const WorkerView& worker, uint64_t work_tokens) const {
  return worker.TimeFor(work_tokens) * limits_.shorter_first_percent / 100;
}

RouteRequest SchedulerCore::RouteRequestOf(const Request& request) {
  return {.id = request.body.id,
          .prompt_tokens = static_cast<uint32_t>(TokensBefore(request)),
          .chain = request.chain,
          .ttft_slo = request.body.slo.ttft};
}

std::vector<BlockKey> SchedulerCore::KeysOf(const RequestSubmitted& event) const {
  if (!event.chain.empty() || limits_.block_tokens == 0) return event.chain;
  BlockChain chain({.model = limits_.model,
                    .salt = event.request.cache_salt,
                    .block_tokens = limits_.block_tokens});
  chain.ReserveTokens(static_cast<uint32_t>(event.request.prompt.size()));
  chain.Append(event.request.prompt);
  std::vector<BlockKey> keys;
  keys.reserve(chain.full_blocks());
  for (uint32_t block = 0; block < chain.full_blocks(); ++block) keys.push_back(chain.key(block));
  return keys;
}

FleetView SchedulerCore::FleetOf(std::span<const WorkerView* const> workers, Instant now) const {
  return {.workers = workers,
          .index = directory_.index(),
          .block_tokens = limits_.block_tokens,
          .membership = membership_,
          .now = now};
}

void SchedulerCore::LearnFleet() {
  ++membership_;
  std::vector<const WorkerView*> mixed;
  fleet_.clear();
  prefill_fleet_.clear();
  decode_fleet_.clear();
  for (const auto& [node, worker] : workers_) {
    if (worker.role != PhaseRole::kDecodeHeavy) fleet_.push_back(&worker);
    if (worker.role == PhaseRole::kPrefillHeavy) prefill_fleet_.push_back(&worker);
    if (worker.role == PhaseRole::kDecodeHeavy) decode_fleet_.push_back(&worker);
    if (worker.role == PhaseRole::kMixed) mixed.push_back(&worker);
  }
  // Whoever is there does what has to be done.
  if (fleet_.empty()) fleet_ = decode_fleet_;
  if (decode_fleet_.empty()) decode_fleet_ = mixed;
}

void SchedulerCore::Enqueue(Request& request, std::optional<NodeId> line) {
  request.state = RequestState::kQueued;
  request.line = line;
  const uint64_t prompt = TokensBefore(request);
  if (!line) request.work_tokens = prompt;
  request.yields = Duration();
  if (line) request.yields = YieldAt(workers_.at(*line), request.work_tokens);
  queue_.Add(line, PlaceOf(request), {request.body.id, prompt, request.work_tokens});
  if (!line) return;
  workers_.at(*line).queued_tokens = queue_.work_tokens(line);
  // A line is served in order: by the turn of who comes next its blocks will be there.
  sent_.at(*line).Send(request.body.id, request.chain);
  touched_.insert(*line);
}

void SchedulerCore::TakeFromLine(const Request& request) {
  queue_.Remove(request.line, PlaceOf(request));
  if (request.line) workers_.at(*request.line).queued_tokens = queue_.work_tokens(request.line);
}

void SchedulerCore::Dequeue(const Request& request) {
  TakeFromLine(request);
  if (request.line) sent_.at(*request.line).GiveUp(request.body.id);
}

void SchedulerCore::RouteWaiting(Instant now) {
  // A wait that is over rings once, even if there is nobody to go to.
  while (!ask_ends_.empty() && ask_ends_.begin()->first <= now) ask_ends_.erase(ask_ends_.begin());
  if (workers_.empty()) return;
  std::vector<RequestId> ready;
  for (const auto& [place, queued] : queue_.line(std::nullopt)) {
    if (!StillAsking(queued.request, now)) ready.push_back(queued.request);
  }
  for (const RequestId id : ready) {
    Request& request = requests_.at(id);
    Place(request, Choose(request, EndAsking(id), now), now);
  }
}

SchedulerCore::Placement SchedulerCore::Choose(const Request& request,
                                               std::span<const PromptFound> found, Instant now) {
  RouteRequest route = RouteRequestOf(request);
  route.found = found;
  if (const std::optional<RouteChoice> choice = PlaceOutsideThePolicy(route, now)) {
    return {decode_fleet_[choice->worker]->node, choice->cost, std::nullopt};
  }
  const RouteChoice choice = policy_->Route(route, Fleet(now));
  return {fleet_[choice.worker]->node, choice.cost, choice};
}

// Who waits for this worker waits for any from now on.
void SchedulerCore::RouteLineAgain(NodeId node) {
  while (!queue_.line(node).empty()) {
    Request& request = requests_.at(queue_.line(node).begin()->second.request);
    Dequeue(request);
    Enqueue(request, std::nullopt);
  }
}

// From the line of those without a worker into its worker's.
void SchedulerCore::Place(Request& request, const Placement& placement, Instant now) {
  Dequeue(request);
  request.work_tokens = placement.cost.work_tokens;
  Enqueue(request, placement.node);
  if (!placement.by_policy) return;
  const Duration target = request.body.slo.ttft;
  for (const size_t home : policy_->HomesOf(RouteRequestOf(request), Fleet(now))) {
    RebalanceIfOverloaded(home, target, now);
  }
}

// Overloaded for one who comes now with this target.
void SchedulerCore::RebalanceIfOverloaded(size_t worker, Duration target, Instant now) {
  if (target == Duration()) target = limits_.routing.ttft_slo;
  const RebalanceLimits limits{.overload = target * limits_.rebalance_percent / 100,
                               .work_percent = policy_->work_percent()};
  const WorkerView& view = *fleet_[worker];
  if (limits.overload == Duration() || view.TimeFor(view.TokensAhead(now)) <= limits.overload) {
    return;
  }
  const auto [last, first] = rebalanced_.try_emplace(view.node, now);
  if (!first && now - last->second < kRebalanceAgain) return;
  last->second = now;
  const FleetView fleet = Fleet(now);
  std::vector<Movable> movables;
  for (const QueuedRequest& queued : queue_.Head(view.node, tenants_, kRebalancedRequests)) {
    const RouteRequest request = RouteRequestOf(requests_.at(queued.request));
    Movable movable{.request = queued.request, .work_tokens = queued.work_tokens};
    for (const size_t home : policy_->HomesOf(request, fleet)) {
      if (home == worker) continue;
      const RouteCost cost = CostAt(request, fleet, home, limits_.routing.cost);
      movable.elsewhere.push_back({home, cost.work_tokens});
    }
    movables.push_back(std::move(movable));
  }
  for (const Migration& move : PlanRebalance(fleet, worker, movables, limits)) {
    Request& request = requests_.at(move.request);
    Dequeue(request);
    request.work_tokens = move.work_tokens;
    Enqueue(request, fleet_[move.to]->node);
    ++counts_.moved;
  }
}

// Whoever passes what is there need not wait for it. But steps that are longer than what is given
// ahead would be filled with several prompts, and each of them would wait for all.
bool SchedulerCore::HasRoom(const WorkerView& worker, const Request& next) const {
  if (worker.unprefilled.size() >= limits_.unprefilled_requests_max) return false;
  if (worker.unprefilled_tokens < limits_.unprefilled_tokens_max) return true;
  return worker.step_tokens <= limits_.unprefilled_tokens_max &&
         worker.UnprefilledBefore(PlaceOnWorker(next)) < limits_.unprefilled_tokens_max;
}

void SchedulerCore::AssignFromLines(Instant now) {
  for (const NodeId node : std::exchange(touched_, {})) {
    WorkerView& worker = workers_.at(node);
    while (!queue_.line(node).empty()) {
      Request& next = requests_.at(queue_.Next(node, tenants_, now));
      if (!HasRoom(worker, next)) break;
      queue_.CountTurn(node, next.body.priority, now);
      if (CanMeetDeadline(worker, next, now)) {
        Send(worker, next);
        continue;
      }
      Expire(next, "its prompt could not be computed before its deadline");
    }
  }
}

void SchedulerCore::Send(WorkerView& worker, Request& request) {
  TakeFromLine(request);
  LeaveQueue(request);
  SetFlowed(request, false);
  const std::optional<PrefixHolder> holder = FindHolder(worker, request);
  Dispatch(worker, request, std::nullopt, holder);
}

void SchedulerCore::Dispatch(WorkerView& worker, Request& request, std::optional<NodeLife> source,
                             std::optional<PrefixHolder> holder) {
  if (source) {
    request.work_tokens = 1;  // all but its last token comes along
    sent_.at(worker.node).Send(request.body.id, request.chain);
  } else {
    const uint64_t prompt = TokensBefore(request);
    counts_.hit_tokens_expected += prompt - std::min(request.work_tokens, prompt);
  }

  // A prompt that is computed again after a loss is not paid for twice.
  if (!std::exchange(request.charged, true)) {
    tenants_.ChargePrompt(request.tenant, request.work_tokens);
  }
  request.state = RequestState::kPrefilling;
  request.worker = worker.node;
  request.epoch = worker.epoch;
  running_[worker.node].insert(request.body.id);
  ++worker.live_requests;
  CAIRN_CHECK(worker.unprefilled.emplace(PlaceOnWorker(request), request.work_tokens).second);
  worker.drain.Begin(now_);
  worker.unprefilled_tokens += request.work_tokens;
  worker.backlog.Send(request.work_tokens);
  request.kv_tokens = KvTokensOf(request);
  worker.kv_tokens += request.kv_tokens;
  request.yielding = false;
  Assign assign{.request = request.body, .resume = ResumeOf(request)};
  // Among those on the worker it yields as it did in the line.
  if (request.yields > Duration()) {
    assign.request.slo.ttft = DueOf(request.body.slo, Instant()) + request.yields - Instant();
  }
  if (source && source->node != worker.node) assign.source = source;
  assign.holder = holder;
  PlanHandoff(worker, request, assign);
  actions_.push_back(SendAssignment{worker.node, worker.epoch, std::move(assign)});
}

void SchedulerCore::NotePrefilled(const WorkerView& worker, const Request& request,
                                  std::optional<uint64_t> told_through) {
  SentBlocks& sent = sent_.at(worker.node);
  if (told_through) {
    sent.Prefilled(request.body.id, *told_through);
    sent.Hear(directory_.Applied(worker.node));
  } else {
    sent.GiveUp(request.body.id);
  }
  if (worker.holder == kNoHolder) return;
  if (told_through || directory_.Speaks(worker.node)) {
    directory_.index().Touch(request.chain);
    return;
  }
  const uint64_t slots = uint64_t{worker.load.device_slots} + worker.load.dram_slots;
  const uint64_t limit = slots > 0 ? slots : kShadowBlocks;
  const auto shadow =
      shadows_.try_emplace(worker.node, directory_.index(), worker.holder, limit).first;
  if (shadow->second.blocks_max() != limit) shadow->second.SetLimit(limit);
  shadow->second.Use(request.chain);
}

void SchedulerCore::HearDirectory(NodeId node, const std::optional<ResyncRequest>& resync) {
  const auto worker = workers_.find(node);
  if (worker == workers_.end()) return;
  worker->second.holder = directory_.HolderOf(node);
  SentBlocks& sent = sent_.at(node);
  sent.MoveTo(worker->second.holder);
  sent.Hear(directory_.Applied(node));
  if (directory_.Speaks(node)) shadows_.erase(node);
  if (resync) Ask(*resync);
}

void SchedulerCore::Ask(const ResyncRequest& request) {
  ++counts_.resyncs;
  actions_.push_back(AskResync{request});
}

void SchedulerCore::TickDirectory(Instant now) {
  if (now < directory_tick_) return;
  directory_tick_ = now + limits_.directory.publish.reorder_wait / 2;
  for (const ResyncRequest& request : directory_.Tick(now)) {
    Ask(request);
  }
}

}  // namespace cairn
