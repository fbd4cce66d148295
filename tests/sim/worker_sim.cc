#include "tests/sim/worker_sim.h"

#include <algorithm>

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
      machine_(options_, prng_,
               log_ ? [this](const std::string& line) { Log(line); } : SimMachine::Log()),
      clients_(options),
      requests_(options),
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
      CarryOut(machine_.Act());
      if (!machine_.in_step()) requests_.OnStepBoundary();
      machine_.Check(hostile());
    }
    requests_.DemandAllEnded();
    machine_.DemandQuiet();
  } catch (const Violation& violation) {
    result.checker = violation.checker();
    result.what = violation.what();
    Log("BROKEN ", result.checker, ": ", result.what);
  }
  result.load = machine_.core().load();
  return result;
}

void WorkerSim::At(Duration from_now, Happening happening) {
  agenda_.emplace(std::pair(now_ + from_now, ++happenings_), std::move(happening));
}

bool WorkerSim::hostile() const { return to_arrive_ > 0; }

void WorkerSim::Happen(const Arrive&) {
  const GenerationRequest request = clients_.Draw(requests_.talks());
  Log("assign ", request.id, " prompt=", request.prompt.size(), " n=", request.choices,
      " max=", request.max_tokens, " priority=", request.priority);
  requests_.OnAssign(request);
  machine_.Tell(Assign{request}, now_);
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
  machine_.Tell(cancel, now_);
}

void WorkerSim::Happen(const StopChoice& stop) {
  Log("stop ", stop.request, " choice ", stop.choice);
  requests_.OnStopChoice(stop.request, stop.choice);
  machine_.Tell(stop, now_);
}

void WorkerSim::Happen(const EndStep&) {
  if (!machine_.EndStep(now_, hostile())) requests_.OnStepFailed();
}

void WorkerSim::Happen(const EndMove& end) { machine_.EndMove(end.move, now_, hostile()); }

void WorkerSim::CarryOut(MachineTurn turn) {
  if (turn.step_ends_in) At(*turn.step_ends_in, EndStep{});
  for (const auto& [ends_in, move] : turn.moves_end_in) At(ends_in, EndMove{move});
  for (const Report& report : turn.reports) Hear(report);
  Demand(turn.to_peers.empty(), "plan_shape", "a word to another worker");
}

void WorkerSim::Hear(const Report& report) {
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

}  // namespace cairn::sim
