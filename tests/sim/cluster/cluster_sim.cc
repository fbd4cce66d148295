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

ClusterSim::ClusterSim(const ClusterSimOptions& options,
                       std::function<void(const std::string&)> log)
    : options_(options),
      log_(std::move(log)),
      prng_(SplitMix64(options.machine.seed ^ 0xc1a5)),
      clients_(options_.machine),
      requests_(options_.machine, /*heard_late=*/true),
      handoffs_(options.schedulers),
      network_(options_, options.workers + options.schedulers, prng_),
      workers_(options.workers),
      schedulers_(options.schedulers),
      to_arrive_(options.machine.requests),
      kills_to_aim_(options.aimed_kills),
      cuts_to_aim_(options.aimed_cuts) {}

void ClusterSim::At(Duration from_now, Happening happening) {
  agenda_.emplace(std::pair(now_ + from_now, ++happenings_), std::move(happening));
}

void ClusterSim::Post(uint32_t from, uint32_t to, const Happening& arrival) {
  for (const Duration after : network_.Carry(from, to)) At(after, arrival);
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
    tally_.asks += one.node->core().counts().asks;
    tally_.asks_late += one.node->core().counts().asks_late;
    tally_.hit_tokens += one.node->core().counts().hit_tokens;
    tally_.joins += one.node->joins();
  }
  for (const Worker& one : workers_) {
    if (one.node) TakeCounts(*one.node);
  }
  tally_.lost = network_.lost();
  tally_.repeated = network_.repeated();
  tally_.handoffs = handoffs_.tally();
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
  handoffs_.OnArrival(request.id, now_);
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
  handoffs_.OnView(scheduler, at.node->core(), now_);
  for (SchedulerAction& action : turn.actions) CarryOut(scheduler, action);
  for (auto& [worker, packet] : turn.packets) {
    const uint32_t number = NumberOfWorker(worker);
    tally_.resyncs += std::holds_alternative<ResyncRequest>(packet);
    Post(NodeOfScheduler(scheduler), number,
         ReachWorker{number, SchedulerId(scheduler), std::move(packet)});
  }
  CheckConservation(scheduler);
}

void ClusterSim::CarryOut(uint32_t scheduler, SchedulerAction& action) {
  if (const auto* send = std::get_if<SendAssignment>(&action)) {
    const auto* assign = std::get_if<Assign>(&send->assignment);
    if (assign == nullptr) return;
    const RequestId id = assign->request.id;
    tally_.lenders_named += assign->holder.has_value();
    Log(id, " is given to ", send->worker, " ", send->epoch,
        assign->source ? Text(" with its KV at ", assign->source->node) : "",
        assign->holder ? Text(" and its head at ", assign->holder->life.node) : "",
        assign->yields ? " until its next token" : "");
    handoffs_.OnAssign(scheduler, schedulers_[scheduler].node->core(), *assign,
                       {send->worker, send->epoch});
    if (!given_.insert(id).second) {
      tally_.runs_again += !assign->source;
      requests_.OnAssignedAgain(id);
    }
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
    handoffs_.OnToken(token->request);
  } else if (const auto* ended = std::get_if<ChoiceEnded>(&report)) {
    Log(ended->request, " choice ", ended->choice, " ends: ", static_cast<int>(ended->reason), " ",
        ended->message);
  } else if (std::holds_alternative<RequestEnded>(report)) {
    Log(deliver.request, " has ended");
    handoffs_.OnEnd(deliver.request);
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
  uint64_t somewhere = core.queued_requests();
  for (const auto& [node, worker] : core.workers()) {
    somewhere += worker.live_requests;
    Demand(static_cast<int64_t>(worker.kv_tokens) >= 0, "conservation", "scheduler ", scheduler,
           " counts less than no KV on ", node);
  }
  // The others have been told to stop.
  Demand(somewhere <= core.live_requests(), "conservation", "of ", core.live_requests(),
         " requests ", somewhere, " wait or run");
  Demand(core.live_requests() <= options_.scheduler.live_requests_max, "budget",
         "more requests than the limit");
}

}  // namespace cairn::sim
