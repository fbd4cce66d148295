#include "tests/sim/cluster/cluster_sim.h"

#include <algorithm>

#include "tests/sim/violation.h"

namespace cairn::sim {
namespace {

// Far more than any healthy run needs.
constexpr uint64_t kEventsMax = 400'000;
constexpr Duration kHealedMax = Seconds(20);         // until every request has ended
constexpr Duration kSettledMax = Milliseconds(500);  // from then until all is quiet

}  // namespace

ClusterTally& ClusterTally::operator+=(const ClusterTally& other) {
  kills += other.kills;
  cuts += other.cuts;
  joins += other.joins;
  runs_again += other.runs_again;
  cut_off += other.cut_off;
  shed += other.shed;
  moved += other.moved;
  resyncs += other.resyncs;
  snapshots += other.snapshots;
  hit_tokens += other.hit_tokens;
  lost += other.lost;
  repeated += other.repeated;
  return *this;
}

ClusterSim::ClusterSim(const ClusterSimOptions& options,
                       std::function<void(const std::string&)> log)
    : options_(options),
      log_(std::move(log)),
      prng_(SplitMix64(options.machine.seed ^ 0xc1a5)),
      clients_(options_.machine),
      requests_(options_.machine, /*heard_late=*/true),
      workers_(options.workers),
      schedulers_(options.schedulers),
      links_(size_t{options.workers} * options.schedulers),
      to_arrive_(options.machine.requests) {}

template <typename... Parts>
void ClusterSim::Log(const Parts&... parts) {
  if (log_) log_(Text(now_, " ", parts...));
}

void ClusterSim::At(Duration from_now, Happening happening) {
  agenda_.emplace(std::pair(now_ + from_now, ++happenings_), std::move(happening));
}

void ClusterSim::DrawWorld() {
  trouble_ = Microseconds(options_.machine.arrival_gap_us_max * options_.machine.requests + 5000);
  const auto some_time = [&] { return Nanoseconds(prng_.Between(0, trouble_.nanoseconds())); };
  const auto outage = [&] { return Microseconds(prng_.Between(1, options_.outage_us_max)); };
  const auto kill = [&](uint32_t node) {
    const Duration at = some_time();
    At(at, Kill{node});
    At(at + outage(), Return{node});
  };
  const auto workers = static_cast<uint32_t>(workers_.size());
  for (uint32_t i = 0; i < options_.worker_kills; ++i) {
    kill(static_cast<uint32_t>(prng_.Below(workers)));
  }
  for (uint32_t i = 0; i < options_.scheduler_kills; ++i) {
    kill(workers + static_cast<uint32_t>(prng_.Below(schedulers_.size())));
  }
  for (uint32_t i = 0; i < options_.cuts; ++i) {
    const Duration at = some_time();
    const auto link = static_cast<uint32_t>(prng_.Below(links_.size()));
    const uint64_t kind = prng_.Below(4);  // both directions, twice as often as one of them
    At(at, Cut{.link = link, .up = kind != 0, .down = kind != 1});
  }
  for (Worker& worker : workers_) {
    if (prng_.Chance(0.5)) worker.step_percent = prng_.Between(100, options_.slow_percent_max);
  }
  At(trouble_, Heal{});
  At(Duration(), Arrive{});
}

ClusterSimResult ClusterSim::Run() {
  ClusterSimResult result;
  try {
    const auto nodes = static_cast<uint32_t>(workers_.size() + schedulers_.size());
    for (uint32_t node = nodes; node > 0; --node) {
      BringUp(node - 1);
      At(options_.link.beat * prng_.Between(1, 100) / 200, BeatOf{node - 1});
    }
    DrawWorld();
    std::optional<Instant> ended;
    while (!agenda_.empty()) {
      Demand(++result.events <= kEventsMax, "progress", "no end after ", kEventsMax, " events");
      auto first = agenda_.extract(agenda_.begin());
      now_ = first.key().first;
      std::visit([this](auto& one) { Happen(one); }, first.mapped());
      if (hostile_ || to_arrive_ > 0) continue;
      Demand(now_ <= Instant() + trouble_ + kHealedMax, "progress", requests_.open(),
             " requests do not end although all is well");
      if (requests_.open() > 0) continue;
      if (!ended) ended = now_;
      if (IsQuiet()) break;
      if (now_ > *ended + kSettledMax) DemandQuiet();
    }
    requests_.DemandAllEnded();
    DemandQuiet();
  } catch (const Violation& violation) {
    result.checker = violation.checker();
    result.what = violation.what();
    Log("BROKEN ", result.checker, ": ", result.what);
  }
  for (const Scheduler& one : schedulers_) {
    if (!one.node) continue;
    tally_.moved += one.node->core().counts().moved;
    tally_.hit_tokens += one.node->core().counts().hit_tokens;
    tally_.joins += one.node->joins();
  }
  for (const Worker& one : workers_) tally_.snapshots += one.node ? one.node->snapshots() : 0;
  result.tally = tally_;
  return result;
}

// --- clients

void ClusterSim::Happen(Arrive&) {
  --to_arrive_;
  if (to_arrive_ > 0) {
    At(Microseconds(prng_.Between(0, options_.machine.arrival_gap_us_max)), Arrive{});
  }
  GenerationRequest request = clients_.Draw(requests_.talks());
  // The front door lets only so many choices in.
  request.choices = std::clamp(request.choices, 1u, options_.machine.worker.choices_max);
  const auto scheduler = static_cast<uint32_t>(prng_.Below(schedulers_.size()));
  Scheduler& at = schedulers_[scheduler];
  if (!at.node) return;  // nobody answers
  Log("client asks scheduler ", scheduler, ": ", request.id, " prompt=", request.prompt.size(),
      " n=", request.choices, " max=", request.max_tokens);
  requests_.OnAssign(request);
  at.requests.insert(request.id);
  const SimOptions& habits = options_.machine;
  if (prng_.Chance(habits.cancel_chance)) {
    At(Microseconds(prng_.Between(0, 3000)), ClientWord{RequestCancelled{request.id}, request.id});
  }
  if (prng_.Chance(habits.stop_chance)) {
    const auto choice = static_cast<uint32_t>(prng_.Below(request.choices + 1));
    At(Microseconds(prng_.Between(0, 3000)),
       ClientWord{ChoiceStopped{request.id, choice}, request.id});
  }
  at.node->Handle(RequestSubmitted{std::move(request)}, now_);
  ActScheduler(scheduler);
}

void ClusterSim::Happen(ClientWord& word) {
  if (!requests_.IsOpen(word.request)) return;
  for (uint32_t s = 0; s < schedulers_.size(); ++s) {
    if (!schedulers_[s].requests.contains(word.request)) continue;
    if (const auto* stop = std::get_if<ChoiceStopped>(&word.event)) {
      Log("client stops ", word.request, " choice ", stop->choice);
      requests_.OnStopChoice(word.request, stop->choice);
    } else {
      Log("client cancels ", word.request);
      requests_.OnCancel(word.request);
    }
    schedulers_[s].node->Handle(word.event, now_);
    ActScheduler(s);
  }
}

// --- schedulers

void ClusterSim::Happen(ReachScheduler& reach) {
  Scheduler& at = schedulers_[reach.scheduler];
  if (!at.node) return;
  at.node->Hear(std::move(reach.packet), now_);
  ActScheduler(reach.scheduler);
}

void ClusterSim::ActScheduler(uint32_t scheduler) {
  Scheduler& at = schedulers_[scheduler];
  SchedulerNode::Turn turn = at.node->Act(now_);
  for (SchedulerAction& action : turn.actions) CarryOut(scheduler, action);
  for (auto& [worker, packet] : turn.packets) {
    const uint32_t number = NumberOfWorker(worker);
    tally_.resyncs += std::holds_alternative<ResyncRequest>(packet);
    Post(LinkOf(scheduler, number).cut_down > 0,
         ReachWorker{number, SchedulerId(scheduler), std::move(packet)});
  }
  CheckConservation(scheduler);
}

void ClusterSim::CarryOut(uint32_t scheduler, SchedulerAction& action) {
  if (const auto* send = std::get_if<SendAssignment>(&action)) {
    const auto* assign = std::get_if<Assign>(&send->assignment);
    if (assign == nullptr) return;
    const RequestId id = assign->request.id;
    Log(id, " is given to ", send->worker, " ", send->epoch);
    if (++runs_[id] == 1) return;
    ++tally_.runs_again;
    requests_.OnAssignedAgain(id);
  } else if (const auto* shed = std::get_if<Shed>(&action)) {
    Log(shed->request, " is turned away: ", static_cast<int>(shed->reason));
    ++tally_.shed;
    requests_.OnCutOff(shed->request);
    schedulers_[scheduler].requests.erase(shed->request);
  } else if (const auto* deliver = std::get_if<DeliverWord>(&action)) {
    Deliver(scheduler, *deliver);
  }
}

void ClusterSim::Deliver(uint32_t scheduler, const DeliverWord& deliver) {
  const Report report = std::visit([](const auto& word) { return Report(word); }, deliver.word);
  if (const auto* token = std::get_if<TokenProduced>(&report)) {
    Log(token->request, " choice ", token->choice, " token ", token->position, " = ",
        token->token.token);
  } else if (const auto* ended = std::get_if<ChoiceEnded>(&report)) {
    Log(ended->request, " choice ", ended->choice, " ends: ", static_cast<int>(ended->reason), " ",
        ended->message);
  } else if (std::holds_alternative<RequestEnded>(report)) {
    Log(deliver.request, " has ended");
    schedulers_[scheduler].requests.erase(deliver.request);
  }
  requests_.OnReport(report);
}

// Every accepted request is inside or has ended, and nobody else is.
void ClusterSim::CheckConservation(uint32_t scheduler) const {
  const Scheduler& at = schedulers_[scheduler];
  const SchedulerCore& core = at.node->core();
  Demand(core.counts().accepted == core.counts().ended + core.live_requests(), "conservation",
         core.counts().accepted, " were accepted, ", core.counts().ended, " have ended and ",
         core.live_requests(), " live");
  Demand(core.live_requests() == at.requests.size(), "conservation", "scheduler ", scheduler,
         " has ", core.live_requests(), " requests and its clients wait for ", at.requests.size());
  Demand(core.live_requests() <= options_.scheduler.live_requests_max, "budget",
         "more requests than the limit");
}

// --- workers

void ClusterSim::Happen(EndStep& end) {
  Worker& at = workers_[end.worker];
  if (!at.node || at.life != end.life) return;
  if (!at.node->machine().EndStep(now_, hostile_)) requests_.OnStepFailed();
  ActWorker(end.worker);
}

void ClusterSim::Happen(EndMove& end) {
  Worker& at = workers_[end.worker];
  if (!at.node || at.life != end.life) return;
  at.node->machine().EndMove(end.move, now_, hostile_);
  ActWorker(end.worker);
}

void ClusterSim::Happen(ReachWorker& reach) {
  Worker& at = workers_[reach.worker];
  if (!at.node) return;
  at.node->Hear(reach.from, std::move(reach.packet), now_);
  ActWorker(reach.worker);
}

void ClusterSim::ActWorker(uint32_t worker) {
  Worker& at = workers_[worker];
  WorkerNode::Turn turn = at.node->Act(now_);
  if (turn.machine.step_ends_in) {
    At(*turn.machine.step_ends_in * at.step_percent / 100, EndStep{worker, at.life});
  }
  for (const auto& [ends_in, move] : turn.machine.moves_end_in) {
    At(ends_in, EndMove{worker, at.life, move});
  }
  for (auto& [scheduler, packet] : turn.packets) {
    const uint32_t number = NumberOfScheduler(scheduler);
    if (const auto* word = std::get_if<PublishWord>(&packet)) {
      if (const auto* batch = std::get_if<PublishBatch>(word)) {
        for (const BlockChange& change : batch->changes) keys_.insert(change.block.key);
      }
    }
    Post(LinkOf(number, worker).cut_up > 0, ReachScheduler{number, std::move(packet)});
  }
  at.node->machine().Check(hostile_);
}

// --- the network

template <typename Reach>
void ClusterSim::Post(bool cut, const Reach& reach) {
  if (cut || (hostile_ && prng_.Chance(options_.loss_chance))) {
    ++tally_.lost;
    return;
  }
  const auto delay = [&] {
    const int64_t times = hostile_ && prng_.Chance(options_.late_chance) ? 40 : 1;
    return Microseconds(prng_.Between(1, options_.delay_us_max) * times);
  };
  At(delay(), reach);
  if (!hostile_ || !prng_.Chance(options_.repeat_chance)) return;
  ++tally_.repeated;
  At(delay(), reach);
}

// --- the world

void ClusterSim::BringUp(uint32_t node) {
  SimMachine::Log log;
  if (IsScheduler(node)) {
    Scheduler& at = schedulers_[SchedulerOf(node)];
    at.life = Epoch(at.life.value() + 1);
    if (log_)
      log = [this, node](const std::string& line) {
        Log("scheduler ", SchedulerOf(node), ": ", line);
      };
    at.node = std::make_unique<SchedulerNode>(options_, SchedulerId(SchedulerOf(node)), at.life,
                                              std::move(log));
    return;
  }
  Worker& at = workers_[node];
  at.life = Epoch(at.life.value() + 1);
  if (log_) log = [this, node](const std::string& line) { Log("worker ", node, ": ", line); };
  at.node = std::make_unique<WorkerNode>(options_, WorkerId(node), at.life, prng_, std::move(log));
  for (uint32_t s = 0; s < schedulers_.size(); ++s) at.node->Meet(SchedulerId(s), now_);
}

void ClusterSim::Happen(BeatOf& beat) {
  At(options_.link.beat / 2, beat);
  if (IsScheduler(beat.node)) {
    Scheduler& at = schedulers_[SchedulerOf(beat.node)];
    if (!at.node) return;
    at.node->Beat(now_);
    ActScheduler(SchedulerOf(beat.node));
  } else if (workers_[beat.node].node) {
    workers_[beat.node].node->Beat(now_);
    ActWorker(beat.node);
  }
}

void ClusterSim::Happen(Kill& kill) {
  ++tally_.kills;
  if (!IsScheduler(kill.node)) {
    Log("worker ", kill.node, " dies");
    workers_[kill.node].node.reset();
    return;
  }
  Log("scheduler ", SchedulerOf(kill.node), " dies");
  Scheduler& at = schedulers_[SchedulerOf(kill.node)];
  at.node.reset();
  for (const RequestId request : std::exchange(at.requests, {})) {
    ++tally_.cut_off;
    requests_.OnCutOff(request);
  }
}

void ClusterSim::Happen(Return& comes) {
  const bool up = IsScheduler(comes.node) ? schedulers_[SchedulerOf(comes.node)].node != nullptr
                                          : workers_[comes.node].node != nullptr;
  if (up) return;
  Log(IsScheduler(comes.node) ? "scheduler " : "worker ",
      IsScheduler(comes.node) ? SchedulerOf(comes.node) : comes.node, " comes back");
  BringUp(comes.node);
}

void ClusterSim::Happen(Cut& cut) {
  if (!hostile_) return;
  ++tally_.cuts;
  Log("link ", cut.link, " is cut", cut.up ? " up" : "", cut.down ? " down" : "");
  links_[cut.link].cut_up += cut.up;
  links_[cut.link].cut_down += cut.down;
  At(Microseconds(prng_.Between(1, options_.outage_us_max)), Mend{cut.link});
}

void ClusterSim::Happen(Mend& mend) {
  Log("link ", mend.link, " is mended");
  links_[mend.link] = Link();
}

void ClusterSim::Happen(Heal&) {
  Log("the world heals");
  hostile_ = false;
  for (Link& link : links_) link = Link();
  const auto nodes = static_cast<uint32_t>(workers_.size() + schedulers_.size());
  for (uint32_t node = 0; node < nodes; ++node) {
    Return comes{node};
    Happen(comes);
  }
}

}  // namespace cairn::sim
