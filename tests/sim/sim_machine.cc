#include "tests/sim/sim_machine.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <variant>

#include "absl/status/status.h"
#include "tests/sim/violation.h"

namespace cairn::sim {

ModelIdentity SimModel() {
  return MakeModelIdentity(
      {.weights_digest = "fingerprint", .weight_format = "none", .rope = "none", .geometry = {}});
}

SimMachine::SimMachine(const SimOptions& options, Prng& prng, Log log)
    : options_(options),
      prng_(prng),
      log_(std::move(log)),
      memory_(options.store.device.slots, options.store.dram.slots, options.store.block_tokens),
      engine_(memory_, options.worker.vocabulary_size),
      core_(options.worker, options.store, SimModel()),
      slots_(options.store.block_tokens),
      prompt_chunk_(options.worker.prompt_chunk) {}

template <typename... Parts>
void SimMachine::Tale(const Parts&... parts) {
  if (log_) log_(Text(parts...));
}

void SimMachine::Tell(WorkerEvent event, Instant now) {
  if (const auto* fetch = std::get_if<FetchFinished>(&event)) slots_.OnFetchFinished(fetch->id);
  if (const auto* sent = std::get_if<BlocksSent>(&event)) slots_.OnSendFinished(sent->id);
  if (const auto* chunk = std::get_if<SetPromptChunk>(&event)) prompt_chunk_ = chunk->tokens;
  core_.Handle(std::move(event), now);
}

bool SimMachine::EndStep(Instant now, bool hostile) {
  const StepPlan plan = *std::exchange(step_, std::nullopt);
  StepFinished finished{.number = plan.number, .result = StepResult()};
  const bool fails = hostile && prng_.Chance(options_.step_failure_chance);
  if (fails) {
    engine_.Wreck(plan, prng_.Next());
    finished.result = absl::InternalError("the simulator wants this step to fail");
  } else {
    finished.result = step_result_ ? *step_result_ : engine_.Run(plan);
  }
  step_result_.reset();
  Tale("step ", plan.number, fails ? " failed" : " done");
  slots_.OnStepFinished();
  Tell(std::move(finished), now);
  return !fails;
}

void SimMachine::EndMove(const Move& move, Instant now, bool hostile) {
  MoveFinished finished{.move = move.id};
  const std::span<uint64_t> target = memory_.At(move.to, move.target);
  // Of the device's side: before the copy on the way out, after it on the way in.
  if (move.from == Tier::kDevice) finished.checksum = memory_.Checksum(move.from, move.source);
  std::ranges::copy(memory_.At(move.from, move.source), target.begin());
  if (hostile && prng_.Chance(options_.corruption_chance)) {
    target[prng_.Below(target.size())] ^= uint64_t{1} << prng_.Below(64);
  }
  if (move.to == Tier::kDevice) finished.checksum = memory_.Checksum(move.to, move.target);
  if (hostile && prng_.Chance(options_.move_failure_chance)) {
    finished.outcome = MoveOutcome::kFailed;
    for (uint64_t& word : target) word = prng_.Next();
  }
  Tale(move.id, finished.outcome == MoveOutcome::kDone ? " done" : " failed");
  slots_.OnMoveFinished(move);
  Tell(finished, now);
}

std::vector<SentBlock> SimMachine::EndSend(const SendBlocks& send, Instant now) {
  std::vector<SentBlock> blocks;
  for (size_t i = 0; i < send.slots.size(); ++i) {
    const bool full = i < send.range.blocks;
    const std::span<const uint64_t> words =
        memory_.At(Tier::kDevice, send.slots[i])
            .first(full ? memory_.block_tokens() : send.range.partial_tokens);
    blocks.push_back({.key = full ? send.keys[i] : BlockKey(),
                      .words = {words.begin(), words.end()},
                      .checksum = ChecksumOf(words)});
  }
  Tell(BlocksSent{send.id}, now);
  return blocks;
}

void SimMachine::EndFetch(const StartFetch& fetch, const std::vector<SentBlock>& blocks,
                          Instant now, bool hostile) {
  // Asked for by keys, the first of them may come; else all or none.
  Demand(fetch.keys.empty() ? blocks.size() == fetch.targets.size()
                            : blocks.size() <= fetch.targets.size(),
         "plan_shape", fetch.id, " brings ", blocks.size(), " blocks for ", fetch.targets.size(),
         " slots");
  FetchFinished finished{.id = fetch.id, .blocks = {}};
  for (size_t i = 0; i < blocks.size(); ++i) {
    const std::span<uint64_t> to =
        memory_.At(Tier::kDevice, fetch.targets[i]).first(blocks[i].words.size());
    std::ranges::copy(blocks[i].words, to.begin());
    if (hostile && prng_.Chance(options_.corruption_chance)) {
      to[prng_.Below(to.size())] ^= uint64_t{1} << prng_.Below(64);
    }
    finished.blocks.push_back({.key = blocks[i].key,
                               .checksum_sent = blocks[i].checksum,
                               .checksum_arrived = ChecksumOf(to)});
  }
  Tell(std::move(finished), now);
}

MachineTurn SimMachine::Act() {
  MachineTurn turn;
  for (WorkerAction& action : core_.TakeActions()) {
    if (const auto* run = std::get_if<RunStep>(&action)) {
      turn.step_ends_in = Start(run->plan);
    } else if (const auto* move = std::get_if<StartMove>(&action)) {
      turn.moves_end_in.emplace_back(Start(move->move), move->move);
    } else if (auto* report = std::get_if<SendReport>(&action)) {
      turn.reports.push_back(std::move(report->report));
    } else {
      if (const auto* fetch = std::get_if<StartFetch>(&action)) slots_.OnFetchStarted(*fetch);
      if (const auto* send = std::get_if<SendBlocks>(&action)) slots_.OnSendStarted(*send);
      turn.to_peers.push_back(std::move(action));
    }
  }
  return turn;
}

Duration SimMachine::Start(const StepPlan& plan) {
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
    Tale("step ", plan.number, " runs", text.str());
  }
  uint64_t tokens = 0, prompt_tokens = 0;
  std::set<SequenceId> sequences;
  for (const StepSpan& span : plan.spans) {
    tokens += span.tokens.size();
    if (span.tokens.size() > 1) prompt_tokens += span.tokens.size();
    Demand(sequences.insert(span.sequence).second, "plan_shape", span.sequence, " is there twice");
  }
  Demand(tokens <= options_.worker.step_tokens, "plan_shape", tokens, " tokens in a step");
  Demand(prompt_chunk_ == 0 || prompt_tokens <= prompt_chunk_, "plan_shape", prompt_tokens,
         " tokens of prompts in a step, of at most ", prompt_chunk_);
  slots_.OnStepStarted(plan, core_.store());
  step_ = plan;
  if (prng_.Chance(0.5)) step_result_ = engine_.Run(plan);  // else when the step ends
  return Microseconds(prng_.Between(1, options_.step_us_max));
}

Duration SimMachine::Start(const Move& move) {
  Tale(move.id, " ", move.from, " ", move.source, " > ", move.to, " ", move.target, " key ",
       move.key);
  slots_.OnMoveStarted(move, core_.store());
  return Microseconds(prng_.Between(0, options_.move_us_max));
}

void SimMachine::Check(bool hostile) {
  core_.store().Audit();
  slots_.OnEvent(core_.store());
  PoisonFree();
  if (hostile) Rot();
}

void SimMachine::DemandQuiet() const {
  Demand(core_.idle(), "block_account", "all requests have ended and the core is not idle");
  slots_.OnQuiescence(core_.store());
}

// Slots that nobody holds read as poison, so that whoever still reads one is found out.
void SimMachine::PoisonFree() {
  for (Tier tier : kTiers) {
    const BlockPool& pool = core_.store().pool(tier);
    for (uint32_t i = 0; i < pool.slots(); ++i) {
      if (!pool.IsHeld(SlotIndex(i))) memory_.Poison(tier, SlotIndex(i));
    }
  }
}

void SimMachine::Rot() {
  if (options_.store.dram.slots == 0 || !prng_.Chance(options_.rot_chance)) return;
  const SlotIndex slot(static_cast<uint32_t>(prng_.Below(options_.store.dram.slots)));
  const std::span<uint64_t> words = memory_.At(Tier::kDram, slot);
  words[prng_.Below(words.size())] ^= uint64_t{1} << prng_.Below(64);
}

}  // namespace cairn::sim
