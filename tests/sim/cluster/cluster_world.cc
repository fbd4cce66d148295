// What the world does to a simulated cluster: it kills, brings back, cuts, mends, and heals.
#include "tests/sim/cluster/cluster_sim.h"

namespace cairn::sim {

void ClusterSim::DrawWorld() {
  trouble_ = Microseconds(options_.machine.arrival_gap_us_max * options_.machine.requests + 5000);
  const auto some_time = [&] { return Nanoseconds(prng_.Between(0, trouble_.nanoseconds())); };
  const auto some_worker = [&] { return static_cast<uint32_t>(prng_.Below(workers_.size())); };
  const auto some_scheduler = [&] {
    return NodeOfScheduler(static_cast<uint32_t>(prng_.Below(schedulers_.size())));
  };
  const auto cut = [&](uint32_t one, uint32_t other) {
    const Duration at = some_time();
    const uint64_t kind = prng_.Below(4);  // both directions, twice as often as one of them
    At(at, Cut{.one = one, .other = other, .forth = kind != 0, .back = kind != 1});
  };
  for (uint32_t i = 0; i < options_.worker_kills; ++i) {
    KillSoon(some_worker(), some_time(), DrawOutage());
  }
  for (uint32_t i = 0; i < options_.scheduler_kills; ++i) {
    KillSoon(some_scheduler(), some_time(), DrawOutage());
  }
  for (uint32_t i = 0; i < options_.cuts; ++i) cut(some_worker(), some_scheduler());
  for (uint32_t i = 0; i < options_.peer_cuts; ++i) {
    const auto workers = static_cast<uint32_t>(workers_.size());
    const uint32_t one = some_worker();
    cut(one, (one + 1 + static_cast<uint32_t>(prng_.Below(workers - 1))) % workers);
  }
  for (Worker& worker : workers_) {
    if (prng_.Chance(0.5)) worker.step_percent = prng_.Between(100, options_.slow_percent_max);
  }
  for (uint32_t i = 0; i < options_.tunings; ++i) At(some_time(), Tune{some_worker()});
  if (options_.tunings > 0) At(Duration(), LookAfter{});
  At(trouble_, Heal{});
  At(Duration(), Arrive{});
}

void ClusterSim::KillSoon(uint32_t node, Duration soon, Duration outage) {
  At(soon, Kill{node});
  At(soon + outage, Return{node});
}

// A handoff has begun: now, while blocks are on their way, the world strikes.
void ClusterSim::AimAt(const StartFetch& fetch, uint32_t target) {
  if (!hostile_ || !prng_.Chance(0.7)) return;
  if (kills_to_aim_ + cuts_to_aim_ > 0) tally_.prefixes_struck += !fetch.keys.empty();
  const uint32_t source = NumberOfWorker(fetch.source.node);
  const auto soon = [&](int64_t us_max) { return Microseconds(prng_.Between(0, us_max)); };
  const int64_t asked_us = options_.delay_us_max * 2;
  if (kills_to_aim_ > 0) {
    --kills_to_aim_;
    // Back at once, a target may meet what its earlier life was sent: fetches are counted anew.
    const bool first = fetch.id.value() <= 2;
    if (first && prng_.Chance(0.8)) return KillSoon(target, soon(asked_us), soon(50));
    KillSoon(prng_.Chance(0.5) ? source : target, soon(asked_us + options_.transfer_us_max),
             DrawOutage());
  } else if (cuts_to_aim_ > 0) {
    --cuts_to_aim_;
    At(soon(asked_us + options_.transfer_us_max),
       Cut{.one = source, .other = target, .forth = true, .back = prng_.Chance(0.5)});
  }
}

void ClusterSim::BringUp(uint32_t node) {
  SimMachine::Log log;
  if (log_) log = [this, node](const std::string& line) { Log(NameOf(node), ": ", line); };
  if (IsScheduler(node)) {
    Scheduler& at = schedulers_[SchedulerOf(node)];
    at.life = Epoch(at.life.value() + 1);
    at.node = std::make_unique<SchedulerNode>(options_, SchedulerId(SchedulerOf(node)), at.life,
                                              std::move(log));
    return;
  }
  Worker& at = workers_[node];
  at.life = Epoch(at.life.value() + 1);
  at.node = std::make_unique<WorkerNode>(options_, NodeLife{WorkerId(node), at.life}, prng_,
                                         std::move(log));
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
  if (!hostile_) return;
  ++tally_.kills;
  Log(NameOf(kill.node), " dies");
  if (!IsScheduler(kill.node)) {
    Worker& at = workers_[kill.node];
    if (!at.node) return;
    handoffs_.OnDeath(at.node->self());
    TakeCounts(*at.node);
    at.node.reset();
    return;
  }
  Scheduler& at = schedulers_[SchedulerOf(kill.node)];
  at.node.reset();
  for (const RequestId request : std::exchange(at.requests, {})) {
    ++tally_.cut_off;
    handoffs_.OnEnd(request);
    requests_.OnCutOff(request);
  }
}

void ClusterSim::Happen(Return& comes) {
  const bool up = IsScheduler(comes.node) ? schedulers_[SchedulerOf(comes.node)].node != nullptr
                                          : workers_[comes.node].node != nullptr;
  if (up) return;
  Log(NameOf(comes.node), " comes back");
  BringUp(comes.node);
}

void ClusterSim::Happen(Cut& cut) {
  if (!hostile_) return;
  ++tally_.cuts;
  Log("the link of ", NameOf(cut.one), " and ", NameOf(cut.other), " is cut",
      cut.forth ? " forth" : "", cut.back ? " back" : "");
  if (cut.forth) network_.Cut(cut.one, cut.other);
  if (cut.back) network_.Cut(cut.other, cut.one);
  // The worst is over just when one side has given up and the other has not.
  const Duration beat = options_.link.beat;
  const Duration patience = options_.link.silence_max + beat * prng_.Between(-100, 200) / 100;
  At(prng_.Chance(0.4) ? patience : DrawOutage(), Mend{cut});
}

void ClusterSim::Happen(Mend& mend) {
  const auto& [one, other, forth, back] = mend.cut;
  Log("the link of ", NameOf(one), " and ", NameOf(other), " is mended");
  if (forth) network_.Mend(one, other);
  if (back) network_.Mend(other, one);
}

void ClusterSim::Happen(Tune& tune) {
  if (!hostile_) return;
  const uint32_t step = options_.machine.worker.step_tokens;
  const auto role = static_cast<PhaseRole>(prng_.Below(3));
  const bool strict = role == PhaseRole::kDecodeHeavy && prng_.Chance(0.5);
  const uint32_t chunk = strict ? 0 : static_cast<uint32_t>(prng_.Between(1, step));
  workers_[tune.worker].tuned = WorkerPost{role, chunk};
  Log("worker ", tune.worker, " is to be ", *workers_[tune.worker].tuned);
}

bool ClusterSim::IsTuned(const SchedulerCore& core, uint32_t worker) const {
  const std::optional<WorkerPost>& wanted = workers_[worker].tuned;
  if (!wanted) return true;
  const auto known = core.workers().find(WorkerId(worker));
  return known != core.workers().end() &&
         WorkerPost{known->second.role, known->second.step_tokens} == *wanted;
}

// Schedulers are told one by one, and again when a worker has greeted with what it was before. Some
// are told late.
void ClusterSim::Happen(LookAfter&) {
  At(options_.link.beat, LookAfter{});
  for (uint32_t s = 0; s < schedulers_.size(); ++s) {
    if (!schedulers_[s].node || prng_.Chance(0.3)) continue;
    for (uint32_t worker = 0; worker < workers_.size(); ++worker) {
      const SchedulerCore& core = schedulers_[s].node->core();
      if (!core.workers().contains(WorkerId(worker)) || IsTuned(core, worker)) continue;
      const WorkerPost& post = *workers_[worker].tuned;
      Log("scheduler ", s, " hears that worker ", worker, " is ", post);
      ++tally_.tunings;
      schedulers_[s].node->Handle(WorkerTuned{WorkerId(worker), post.role, post.prompt_chunk},
                                  now_);
      ActScheduler(s);
    }
  }
}

void ClusterSim::Happen(Heal&) {
  Log("the world heals");
  hostile_ = false;
  network_.Heal();
  const auto nodes = static_cast<uint32_t>(workers_.size() + schedulers_.size());
  for (uint32_t node = 0; node < nodes; ++node) {
    Return comes{node};
    Happen(comes);
  }
}

}  // namespace cairn::sim
