#include "scheduler/simulator/virtual_cluster.h"

#include <algorithm>
#include <string>
#include <utility>

#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

constexpr uint32_t kNobody = ~0u;
// Counting all requests of all schedulers is cheap, but not for every token.
constexpr uint64_t kCheckEvery = 1 << 14;

RequestId IdOf(uint32_t request) { return RequestId(uint64_t{request} + 1); }
uint32_t NumberOf(RequestId id) { return static_cast<uint32_t>(id.value() - 1); }

// The request that a report is about; none if it is about the worker.
std::optional<RequestId> SubjectOf(const Report& report) {
  return std::visit(
      [](const auto& word) -> std::optional<RequestId> {
        if constexpr (requires { word.request; }) {
          return word.request;
        } else {
          return std::nullopt;
        }
      },
      report);
}

}  // namespace

VirtualCluster::VirtualCluster(const ClusterOptions& options, const Trace& trace,
                               StepTime step_time)
    : options_(options),
      trace_(trace),
      text_(trace),
      engine_(text_, std::move(step_time)),
      ledger_(trace.requests.size()),
      links_(options.peers),
      first_follower_(trace.requests.size(), kNobody),
      next_follower_(trace.requests.size(), kNobody) {
  CAIRN_CHECK(!options.schedulers.empty());
  for (const SchedulerOptions& one : options.schedulers) {
    SchedulerLimits limits = one.limits;
    // Prompts are keyed as the workers key them.
    if (!options.workers.empty()) limits.block_tokens = options.workers[0].store.block_tokens;
    schedulers_.push_back(std::make_unique<Scheduler>(one, limits));
    told_at_once_ |= one.staleness == Duration();
  }
  for (const WorkerOptions& one : options.workers) AddNode(one);
  // From the end, so that followers of one request come in the trace's order.
  for (uint32_t i = static_cast<uint32_t>(trace.requests.size()); i-- > 0;) {
    const TraceRequest& request = trace.requests[i];
    if (request.previous) {
      next_follower_[i] = std::exchange(first_follower_[*request.previous], i);
    } else {
      deadline_ = std::max(deadline_, request.arrival);
    }
  }
  deadline_ = deadline_ + options.run_on;
  for (uint32_t i = 0; i < options.world.size(); ++i) {
    agenda_.Add(options.world[i].at, WorldChanges{i});
  }
}

ClusterResult VirtualCluster::Run(const RunWatch& watch) {
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    for (uint32_t s = 0; s < schedulers_.size(); ++s) {
      Happen(
          HearOfWorker{s, i, nodes_[i]->epoch, false});  // they know of each other from the start
    }
  }
  NextArrival();
  while (!IsOver()) {
    const Agenda<Happening>::Entry entry = agenda_.Take();
    if (entry.at > deadline_) break;
    now_ = entry.at;
    std::visit([this](const auto& one) { Happen(one); }, entry.what);
    if (++events_ % kCheckEvery != 0) continue;
    CheckRequests();
    if (watch) watch(ledger_.arrived() - ledger_.open());
  }
  return Result();
}

// Beats go on for ever; what else is left of the agenda must still happen.
bool VirtualCluster::IsOver() const {
  return agenda_.empty() || (agenda_.size() == beats_ && ledger_.open() == 0);
}

// --- clients

GenerationRequest VirtualCluster::RequestOf(uint32_t request) const {
  const TraceRequest& asked = trace_.requests[request];
  GenerationRequest out;
  out.id = IdOf(request);
  out.prompt = text_.Prompt(request);
  out.max_tokens = asked.output_tokens;
  out.ignore_eos = true;
  out.sampling.temperature = 0;
  out.sampling.seed = request;  // by which the engine knows whose tokens to say
  out.tenant = std::to_string(asked.tenant);
  out.latency_class = std::string(ClassOf(trace_, asked));
  out.deadline = options_.deadline;
  return out;
}

void VirtualCluster::NextArrival() {
  while (next_open_ < trace_.requests.size() && trace_.requests[next_open_].previous) ++next_open_;
  if (next_open_ == trace_.requests.size()) return;
  const uint32_t request = next_open_++;
  agenda_.Add(std::max(now_, trace_.requests[request].arrival), Arrive{request});
}

// Which scheduler a client meets is chance: a load balancer that knows nothing.
uint32_t VirtualCluster::SchedulerOf(uint32_t request) const {
  if (schedulers_.size() == 1) return 0;
  const uint64_t draw = SplitMix64(SplitMix64(options_.seed) ^ request);
  return static_cast<uint32_t>(draw % schedulers_.size());
}

void VirtualCluster::Happen(const Arrive& arrive) {
  const uint32_t request = arrive.request;
  const uint32_t scheduler = SchedulerOf(request);
  ledger_.Arrive(request, scheduler, trace_.requests[request].input_tokens, now_);
  Submit(request, scheduler);
  if (!trace_.requests[request].previous) NextArrival();
}

void VirtualCluster::Happen(const ComeBack& back) {
  ledger_.Return(back.request);
  Submit(back.request, SchedulerOf(back.request));
}

void VirtualCluster::Submit(uint32_t request, uint32_t scheduler) {
  ++schedulers_[scheduler]->submitted;
  schedulers_[scheduler]->core.Handle(RequestSubmitted{RequestOf(request)}, now_);
  CarryOut(scheduler);
}

void VirtualCluster::Happen(const DeadlinePasses& passes) {
  Scheduler& scheduler = *schedulers_[passes.scheduler];
  --beats_;
  if (scheduler.deadline_planned <= now_) scheduler.deadline_planned.reset();
  scheduler.core.Handle(TimePassed{}, now_);
  CarryOut(passes.scheduler);
}

void VirtualCluster::ClientIsDone(uint32_t request) {
  for (uint32_t next = first_follower_[request]; next != kNobody; next = next_follower_[next]) {
    agenda_.Add(now_ + trace_.requests[next].think, Arrive{next});
  }
}

void VirtualCluster::Change(const ClientCancels& change) {
  if (!ledger_.IsOpen(change.request)) return;
  ledger_.Cancel(change.request);
  const uint32_t scheduler = SchedulerOf(change.request);
  schedulers_[scheduler]->core.Handle(RequestCancelled{IdOf(change.request)}, now_);
  CarryOut(scheduler);
}

// --- schedulers

void VirtualCluster::CarryOut(uint32_t scheduler) {
  for (SchedulerAction& action : schedulers_[scheduler]->core.TakeActions()) {
    std::visit([&](auto& one) { Carry(scheduler, one); }, action);
  }
  Scheduler& one = *schedulers_[scheduler];
  const std::optional<Instant> next = one.core.NextDeadline();
  if (!next || (one.deadline_planned && *one.deadline_planned <= *next)) return;
  one.deadline_planned = next;
  agenda_.Add(*next, DeadlinePasses{scheduler});
  ++beats_;  // a run does not wait for it
}

void VirtualCluster::Carry(uint32_t scheduler, SendAssignment& action) {
  const uint32_t worker = WorkerOf(action.worker);
  if (const auto* assign = std::get_if<Assign>(&action.assignment)) {
    const uint32_t request = NumberOf(assign->request.id);
    if (assign->source) {
      ++nodes_[ledger_.WorkerOf(request)]->record.handoffs_out;
      ++nodes_[worker]->record.handoffs_in;
    }
    ledger_.Dispatch(request, worker, assign->source.has_value(), now_);
  }
  const uint32_t place = to_workers_.Open();
  to_workers_.at(place) = {worker, action.epoch, std::move(action.assignment)};
  agenda_.Add(now_ + schedulers_[scheduler]->options.link_delay, ReachWorker{place});
}

void VirtualCluster::Carry(uint32_t scheduler, AskResync& action) {
  const uint32_t place = to_stores_.Open();
  to_stores_.at(place) = {scheduler, WorkerOf(action.request.node), action.request};
  agenda_.Add(now_ + schedulers_[scheduler]->options.link_delay, ReachStore{place});
}

void VirtualCluster::Carry(uint32_t, Shed& action) {
  const uint32_t request = NumberOf(action.request);
  CAIRN_CHECK(action.retry_after >= Seconds(1));
  ledger_.Shed(request, now_);
  if (ledger_.sheds(request) > options_.comes_back_max) return ClientIsDone(request);
  agenda_.Add(now_ + action.retry_after, ComeBack{request});
}

void VirtualCluster::Carry(uint32_t, DeliverWord& action) {
  const uint32_t request = NumberOf(action.request);
  if (ledger_.Hear(request, action.word, now_)) ClientIsDone(request);
}

void VirtualCluster::Happen(const ReachScheduler& reach) {
  ToScheduler& message = to_schedulers_.at(reach.message);
  const uint32_t scheduler = message.scheduler;
  SchedulerCore& core = schedulers_[scheduler]->core;
  Letter& letter = message.letter;
  for (Report& report : letter.reports) {
    core.Handle(WorkerReported{NodeOf(message.worker), message.epoch, std::move(report)}, now_);
  }
  for (PublishWord& word : letter.published) {
    if (auto* batch = std::get_if<PublishBatch>(&word)) {
      core.Handle(BlocksPublished{std::move(*batch)}, now_);
    } else {
      core.Handle(BlocksListed{std::move(std::get<PublishSnapshotPart>(word))}, now_);
    }
  }
  letter.reports.clear();
  letter.published.clear();
  to_schedulers_.Close(reach.message);
  CarryOut(scheduler);
}

void VirtualCluster::Happen(const HearOfWorker& word) {
  SchedulerCore& core = schedulers_[word.scheduler]->core;
  if (word.lost) {
    core.Handle(WorkerLost{NodeOf(word.worker), word.epoch}, now_);
  } else {
    core.Handle(JoinOf(nodes_[word.worker]->options, {NodeOf(word.worker), word.epoch}), now_);
  }
  CarryOut(word.scheduler);
}

// --- workers

void VirtualCluster::AddNode(const WorkerOptions& options) {
  auto node = std::make_unique<Node>();
  node->options = options;
  node->record.role = options.role;
  node->outbox.resize(schedulers_.size());
  node->held.resize(schedulers_.size());
  nodes_.push_back(std::move(node));
  const uint32_t worker = static_cast<uint32_t>(nodes_.size() - 1);
  Live(worker);
  for (uint32_t s = 0; s < schedulers_.size(); ++s) {
    const Duration staleness = schedulers_[s]->options.staleness;
    if (staleness == Duration()) continue;
    // Beats of different workers do not fall together.
    const uint64_t draw =
        SplitMix64(SplitMix64(options_.seed ^ 0xbea7) ^ (uint64_t{s} << 32 | worker));
    const auto phase = static_cast<int64_t>(draw % static_cast<uint64_t>(staleness.nanoseconds()));
    agenda_.Add(now_ + Nanoseconds(phase), Beat{worker, s});
    ++beats_;
  }
}

void VirtualCluster::Live(uint32_t worker) {
  Node& node = *nodes_[worker];
  node.epoch = Epoch(node.epoch.value() + 1);
  node.worker = std::make_unique<VirtualWorker>(NodeOf(worker), node.epoch, node.options, engine_,
                                                options_.slice, node.record);
}

void VirtualCluster::Die(uint32_t worker, Duration until_noticed) {
  Node& node = *nodes_[worker];
  if (!node.worker) return;
  node.worker.reset();
  for (Letter& held : node.held) held = {};
  TellSchedulers(worker, node.epoch, true, until_noticed);
}

void VirtualCluster::TellSchedulers(uint32_t worker, Epoch epoch, bool lost, Duration delay) {
  for (uint32_t s = 0; s < schedulers_.size(); ++s) {
    agenda_.Add(now_ + delay + schedulers_[s]->options.link_delay,
                HearOfWorker{s, worker, epoch, lost});
  }
}

VirtualWorker* VirtualCluster::Alive(const NodeLife& life) {
  Node& node = *nodes_[WorkerOf(life.node)];
  return node.epoch == life.epoch ? node.worker.get() : nullptr;
}

void VirtualCluster::Happen(const ReachWorker& reach) {
  ToWorker message = std::move(to_workers_.at(reach.message));
  to_workers_.Close(reach.message);
  // A worker that is gone hears nothing; its scheduler will hear of that.
  VirtualWorker* worker = Alive({NodeOf(message.worker), message.epoch});
  if (worker != nullptr)
    Attend(message.worker, worker->Deliver(std::move(message.assignment), now_));
}

void VirtualCluster::Happen(const ReachStore& reach) {
  const ToStore message = to_stores_.at(reach.message);
  to_stores_.Close(reach.message);
  VirtualWorker* worker = Alive({message.request.node, message.request.epoch});
  if (worker == nullptr) return;
  Letter answer{.reports = {}, .published = worker->Answer(message.request)};
  Post(message.worker, message.scheduler, answer);
}

void VirtualCluster::Happen(const StepEnds& end) {
  VirtualWorker* worker = Alive({NodeOf(end.worker), end.epoch});
  if (worker != nullptr) Attend(end.worker, worker->EndStep(now_));
}

void VirtualCluster::Happen(const MoveEnds& end) {
  VirtualWorker* worker = Alive({NodeOf(end.worker), end.epoch});
  if (worker != nullptr) Attend(end.worker, worker->EndMove(end.move, now_));
}

// Carries out what a worker wants.
void VirtualCluster::Attend(uint32_t worker, WorkerTurn& turn) {
  Node& node = *nodes_[worker];
  if (turn.step_ends)
    agenda_.Add(*std::exchange(turn.step_ends, std::nullopt), StepEnds{worker, node.epoch});
  for (const auto& [ends, move] : turn.moves) agenda_.Add(ends, MoveEnds{worker, node.epoch, move});
  turn.moves.clear();
  for (WorkerAction& action : turn.to_peers) CarryToPeer(worker, std::move(action));
  turn.to_peers.clear();
  const std::optional<Instant> next = node.worker->core().NextDeadline();
  if (next && (!node.tick || *next < *node.tick)) {
    node.tick = next;
    agenda_.Add(std::max(now_, *next), WorkerTicks{worker});
  }
  if (told_at_once_) Publish(worker);
  for (Report& report : turn.reports) Sort(node, std::move(report));
  turn.reports.clear();
  for (uint32_t s = 0; s < schedulers_.size(); ++s) Post(worker, s, node.outbox[s]);
}

// A word about a request goes to the scheduler that gave it, a word about the worker to all of
// them, now or with the next beat.
void VirtualCluster::Sort(Node& node, Report&& report) {
  if (const std::optional<RequestId> request = SubjectOf(report)) {
    node.outbox[SchedulerOf(NumberOf(*request))].reports.push_back(std::move(report));
    return;
  }
  for (uint32_t s = 0; s < schedulers_.size(); ++s) {
    if (schedulers_[s]->options.staleness == Duration()) {
      node.outbox[s].reports.push_back(report);
      continue;
    }
    std::vector<Report>& held = node.held[s].reports;
    // Only the latest load is worth telling.
    const bool replaces = std::holds_alternative<WorkerLoad>(report) && !held.empty() &&
                          std::holds_alternative<WorkerLoad>(held.back());
    if (replaces) {
      held.back() = report;
    } else {
      held.push_back(report);
    }
  }
}

// What the store tells goes to all schedulers too, and is numbered for all of them alike.
void VirtualCluster::Publish(uint32_t worker) {
  Node& node = *nodes_[worker];
  for (const PublishBatch& batch : node.worker->TakeBatches()) {
    for (uint32_t s = 0; s < schedulers_.size(); ++s) {
      const bool at_once = schedulers_[s]->options.staleness == Duration();
      (at_once ? node.outbox : node.held)[s].published.push_back(batch);
    }
  }
}

void VirtualCluster::Post(uint32_t worker, uint32_t scheduler, Letter& letter) {
  if (letter.empty()) return;
  const uint32_t place = to_schedulers_.Open();
  ToScheduler& message = to_schedulers_.at(place);
  message.scheduler = scheduler;
  message.worker = worker;
  message.epoch = nodes_[worker]->epoch;
  CAIRN_CHECK(message.letter.empty());
  std::swap(message.letter, letter);
  agenda_.Add(now_ + schedulers_[scheduler]->options.link_delay, ReachScheduler{place});
}

void VirtualCluster::Happen(const Beat& beat) {
  Node& node = *nodes_[beat.worker];
  if (node.worker) {
    Publish(beat.worker);
    Post(beat.worker, beat.scheduler, node.held[beat.scheduler]);
  }
  agenda_.Add(now_ + schedulers_[beat.scheduler]->options.staleness, beat);
}

}  // namespace cairn
