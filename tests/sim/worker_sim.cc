#include "tests/sim/worker_sim.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "absl/status/status.h"
#include "tests/sim/violation.h"

namespace cairn::sim {
namespace {

// Far more than any healthy run needs: some thousand tokens, each a few events.
constexpr uint64_t kEventsMax = 200'000;

}  // namespace

WorkerSim::WorkerSim(const SimOptions& options, std::function<void(const std::string&)> log)
    : options_(options),
      log_(std::move(log)),
      prng_(SplitMix64(options.seed ^ 0x51a)),
      memory_(options.store.device.slots, options.store.dram.slots, options.store.block_tokens),
      engine_(memory_, options.worker.vocabulary_size),
      core_(options.worker, options.store,
            MakeModelIdentity({.weights_digest = "fingerprint",
                               .weight_format = "none",
                               .rope = "none",
                               .geometry = {}})),
      clients_(options),
      requests_(options),
      slots_(options.store.block_tokens),
      to_arrive_(options.requests) {}

template <typename... Parts>
void WorkerSim::Log(const Parts&... parts) {
  if (log_) log_(Text(now_, " ", parts...));
}

SimResult WorkerSim::Run() {
  SimResult result;
  try {
    At(Duration(), Arrive{});
    while (!agenda_.empty()) {
      Demand(++result.events <= kEventsMax, "progress", "no end after ", kEventsMax, " events");
      const auto first = agenda_.begin();
      now_ = first->first.first;
      const Happening happening = first->second;
      agenda_.erase(first);
      std::visit([this](const auto& one) { Happen(one); }, happening);
      // Things that happen at one instant reach the core together, as from a full inbox.
      if (!agenda_.empty() && agenda_.begin()->first.first == now_ && prng_.Chance(0.7)) continue;
      for (const WorkerAction& action : core_.TakeActions()) CarryOut(action);
      if (!step_) requests_.OnStepBoundary();
      core_.store().Audit();
      slots_.OnEvent(core_.store());
      PoisonFree();
      Rot();
    }
    requests_.DemandAllEnded();
    Demand(core_.idle(), "block_account", "all requests have ended and the core is not idle");
    slots_.OnQuiescence(core_.store());
  } catch (const Violation& violation) {
    result.checker = violation.checker();
    result.what = violation.what();
    Log("BROKEN ", result.checker, ": ", result.what);
  }
  result.load = core_.load();
  return result;
}

void WorkerSim::At(Duration from_now, Happening happening) {
  agenda_.emplace(std::pair(now_ + from_now, ++happenings_), std::move(happening));
}

bool WorkerSim::hostile() const { return to_arrive_ > 0; }

void WorkerSim::Tell(const WorkerEvent& event) { core_.Handle(event, now_); }

void WorkerSim::Happen(const Arrive&) {
  const GenerationRequest request = clients_.Draw(requests_.talks());
  Log("assign ", request.id, " prompt=", request.prompt.size(), " n=", request.choices,
      " max=", request.max_tokens, " priority=", request.priority);
  requests_.OnAssign(request);
  Tell(Assign{request});
  if (prng_.Chance(options_.cancel_chance)) {
    At(Microseconds(prng_.Between(0, 3000)), Cancel{request.id});
  }
  if (prng_.Chance(options_.stop_chance)) {
    const auto choice = static_cast<uint32_t>(prng_.Below(request.choices % 10 + 1));
    At(Microseconds(prng_.Between(0, 3000)), StopChoice{request.id, choice});
  }
  if (--to_arrive_ > 0) At(Microseconds(prng_.Between(0, options_.arrival_gap_us_max)), Arrive{});
}

void WorkerSim::Happen(const Cancel& cancel) {
  Log("cancel ", cancel.request);
  requests_.OnCancel(cancel.request);
  Tell(cancel);
}

void WorkerSim::Happen(const StopChoice& stop) {
  Log("stop ", stop.request, " choice ", stop.choice);
  requests_.OnStopChoice(stop.request, stop.choice);
  Tell(stop);
}

void WorkerSim::Happen(const EndStep&) {
  const StepPlan plan = *std::exchange(step_, std::nullopt);
  StepFinished finished{.number = plan.number, .result = StepResult()};
  if (hostile() && prng_.Chance(options_.step_failure_chance)) {
    engine_.Wreck(plan, prng_.Next());
    requests_.OnStepFailed();
    finished.result = absl::InternalError("the simulator wants this step to fail");
  } else {
    finished.result = step_result_ ? *step_result_ : engine_.Run(plan);
  }
  step_result_.reset();
  Log("step ", plan.number, finished.result.ok() ? " done" : " failed");
  slots_.OnStepFinished();
  Tell(finished);
}

void WorkerSim::Happen(const EndMove& end) {
  const Move& move = end.move;
  MoveFinished finished{.move = move.id};
  const std::span<uint64_t> target = memory_.At(move.to, move.target);
  // Of the device's side: before the copy on the way out, after it on the way in.
  if (move.from == Tier::kDevice) finished.checksum = memory_.Checksum(move.from, move.source);
  std::ranges::copy(memory_.At(move.from, move.source), target.begin());
  if (hostile() && prng_.Chance(options_.corruption_chance)) {
    target[prng_.Below(target.size())] ^= uint64_t{1} << prng_.Below(64);
  }
  if (move.to == Tier::kDevice) finished.checksum = memory_.Checksum(move.to, move.target);
  if (hostile() && prng_.Chance(options_.move_failure_chance)) {
    finished.outcome = MoveOutcome::kFailed;
    for (uint64_t& word : target) word = prng_.Next();
  }
  Log(move.id, finished.outcome == MoveOutcome::kDone ? " done" : " failed");
  slots_.OnMoveFinished(move);
  Tell(finished);
}

void WorkerSim::CarryOut(const WorkerAction& action) {
  if (const auto* run = std::get_if<RunStep>(&action)) return Start(run->plan);
  if (const auto* move = std::get_if<StartMove>(&action)) return Start(move->move);
  Demand(std::holds_alternative<SendReport>(action), "plan_shape", "a word to another worker");
  const Report& report = std::get<SendReport>(action).report;
  if (const auto* token = std::get_if<TokenProduced>(&report)) {
    Log(token->request, " choice ", token->choice, " token ", token->position, " = ",
        token->token.token);
  } else if (const auto* ended = std::get_if<ChoiceEnded>(&report)) {
    Log(ended->request, " choice ", ended->choice, " ends: ", static_cast<int>(ended->reason), " ",
        ended->message);
  } else if (const auto* prefill = std::get_if<PrefillDone>(&report)) {
    Log(prefill->request, " prefilled, cached ", prefill->usage.cached_device_tokens, "+",
        prefill->usage.cached_dram_tokens);
  }
  requests_.OnReport(report);
}

void WorkerSim::Start(const StepPlan& plan) {
  Demand(!step_, "plan_shape", "two steps are out");
  if (log_) {
    std::ostringstream text;
    for (const BlockCopy& copy : plan.copies) text << " copy " << copy.from << ">" << copy.to;
    for (const StepSpan& span : plan.spans) {
      text << " [" << span.sequence << " at " << span.first_position << "+" << span.tokens.size()
           << " in";
      for (SlotIndex slot : span.table) text << " " << slot.value();
      text << "]";
    }
    Log("step ", plan.number, " runs", text.str());
  }
  uint64_t tokens = 0;
  std::set<SequenceId> sequences;
  for (const StepSpan& span : plan.spans) {
    tokens += span.tokens.size();
    Demand(sequences.insert(span.sequence).second, "plan_shape", span.sequence, " is there twice");
  }
  Demand(tokens <= options_.worker.step_tokens, "plan_shape", tokens, " tokens in a step");
  slots_.OnStepStarted(plan, core_.store());
  step_ = plan;
  if (prng_.Chance(0.5)) step_result_ = engine_.Run(plan);  // else when the step ends
  At(Microseconds(prng_.Between(1, 200)), EndStep{});
}

void WorkerSim::Start(const Move& move) {
  Log(move.id, " ", move.from, " ", move.source, " > ", move.to, " ", move.target, " key ",
      move.key);
  slots_.OnMoveStarted(move, core_.store());
  At(Microseconds(prng_.Between(0, options_.move_us_max)), EndMove{move});
}

// Slots that nobody holds read as poison, so that whoever still reads one is found out.
void WorkerSim::PoisonFree() {
  for (Tier tier : kTiers) {
    const BlockPool& pool = core_.store().pool(tier);
    for (uint32_t i = 0; i < pool.slots(); ++i) {
      if (!pool.IsHeld(SlotIndex(i))) memory_.Poison(tier, SlotIndex(i));
    }
  }
}

void WorkerSim::Rot() {
  if (options_.store.dram.slots == 0 || !hostile() || !prng_.Chance(options_.rot_chance)) return;
  const SlotIndex slot(static_cast<uint32_t>(prng_.Below(options_.store.dram.slots)));
  const std::span<uint64_t> words = memory_.At(Tier::kDram, slot);
  words[prng_.Below(words.size())] ^= uint64_t{1} << prng_.Below(64);
}

}  // namespace cairn::sim
