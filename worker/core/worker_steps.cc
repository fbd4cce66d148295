#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"
#include "worker/core/worker_state.h"

namespace cairn {
namespace {

constexpr uint32_t BlocksFor(uint32_t tokens, uint32_t block_tokens) {
  return tokens / block_tokens + (tokens % block_tokens != 0);
}

}  // namespace

std::vector<WorkerAction> WorkerState::TakeActions() {
  std::optional<StepPlan> plan;
  if (!step_out_) plan = PlanNextStep();
  // A cancel may empty the worker without a step after which its load would be reported.
  const auto says_more = [](const Report& report) {
    return !std::holds_alternative<AskAnswered>(report);
  };
  if (!plan && !step_out_ && std::ranges::any_of(reports_, says_more) &&
      !std::holds_alternative<WorkerLoad>(reports_.back())) {
    Send(load());
  }
  std::vector<WorkerAction> actions;
  actions.reserve(reports_.size() + 1);
  for (Report& report : reports_) actions.push_back(SendReport{std::move(report)});
  reports_.clear();
  for (StoreAction& move : store_.TakeActions()) {
    actions.push_back(std::get<StartMove>(std::move(move)));
  }
  for (WorkerAction& action : handoff_actions_) actions.push_back(std::move(action));
  handoff_actions_.clear();
  if (plan) actions.push_back(RunStep{*std::move(plan)});
  return actions;
}

void WorkerState::SetRunning(Sequence& sequence, SequenceState state) {
  CAIRN_CHECK(running_.emplace(sequence.rank, &sequence).second);
  sequence.state = state;
  if (sequence.live->running_sequences++ == 0) ++requests_running_;
}

std::map<Rank, Sequence*>& WorkerState::QueueFor(const Sequence& sequence) {
  return sequence.source ? handed_ : waiting_;
}

// The load says how much is to be computed, so what the store has is not counted, nor what will be
// fetched. That may come or go until the sequence's turn: the load is an estimate there.
void WorkerState::Enqueue(Sequence& sequence) {
  CAIRN_CHECK(QueueFor(sequence).emplace(sequence.rank, &sequence).second);
  const uint32_t blocks_max = (sequence.length() - 1) / block_tokens_;
  if (sequence.source) {
    sequence.cached = sequence.length() - 1;
  } else {
    const uint32_t held = store_.Match(sequence.chain, blocks_max);
    const uint32_t fetched = sequence.holder ? std::min(sequence.holder->blocks, blocks_max) : 0;
    sequence.cached = std::max(held, fetched) * block_tokens_;
  }
  waiting_tokens_ += sequence.length() - sequence.cached;
}

void WorkerState::StopWaiting(Sequence& sequence) {
  if (QueueFor(sequence).erase(sequence.rank) == 0) return;
  waiting_tokens_ -= sequence.length() - sequence.cached;
}

void WorkerState::SetWaiting(Sequence& sequence) {
  sequence.restarted |= sequence.started;
  Forget(sequence);
  Enqueue(sequence);
}

void WorkerState::Forget(Sequence& sequence) {
  CAIRN_CHECK(!sequence.in_step);
  if (running_.erase(sequence.rank) > 0) {
    if (--sequence.live->running_sequences == 0) --requests_running_;
  } else {
    StopWaiting(sequence);
  }
  sequence.copy.reset();
  sequence.fetch.reset();  // what it brings is kept for the next one who asks
  sequence.table.Release();
  sequence.computed = 0;
  sequence.copies_whole_prompt = false;
  sequence.state = SequenceState::kWaiting;
}

void WorkerState::Preempt(Sequence& sequence) {
  ++sequence.live->preemptions;
  ++totals_.preemptions;
  DropSource(sequence);  // once is enough: whoever fetches again and again may never run
  SetWaiting(sequence);
}

// Sequences whose blocks have all come may run; one that lost a block starts over without it.
void WorkerState::SettleArrivals() {
  for (auto next = running_.begin(); next != running_.end();) {
    Sequence& sequence = *(next++)->second;
    if (sequence.state != SequenceState::kArriving) continue;
    if (sequence.fetch) continue;
    switch (sequence.table.Arrivals(store_)) {
      case LeaseState::kArriving:
        break;
      case LeaseState::kLost:
        SetWaiting(sequence);
        break;
      case LeaseState::kReady:
        sequence.state = SequenceState::kRunning;
        DropSource(sequence);
        if (sequence.copies_whole_prompt) {
          sequence.copy = sequence.table.CopyLastLeased();
          sequence.computed = sequence.length() - 1;
          sequence.copies_whole_prompt = false;
        }
        break;
    }
  }
}

// Slots for the next token of every running sequence, best rank first; preempts from the other end.
// True: some sequence must wait for a move, so nobody new should take slots.
bool WorkerState::GrowRunning() {
  bool waits = false;
  for (auto next = running_.begin(); next != running_.end();) {
    Sequence& sequence = *next->second;
    // Preempting takes sequences from the end, this one included at worst.
    const Growth growth = Grow(sequence);
    if (growth == Growth::kPreempted) break;
    waits |= growth == Growth::kLater;
    ++next;
  }
  return waits;
}

WorkerState::Growth WorkerState::Grow(Sequence& sequence) {
  while (sequence.state == SequenceState::kRunning &&
         sequence.table.capacity() < sequence.length()) {
    ReserveAnswer answer = store_.Reserve(1);
    if (std::holds_alternative<NotNow>(answer)) return Growth::kLater;
    if (std::holds_alternative<Reservation>(answer)) {
      sequence.table.AddFresh(std::get<Reservation>(answer).Take());
      continue;
    }
    if (DropOneFollow()) continue;
    Sequence& victim = *running_.rbegin()->second;
    Preempt(victim);
    if (&victim == &sequence) return Growth::kPreempted;
  }
  return Growth::kGranted;
}

// Waiting sequences in order of rank, as long as there are slots and the next step has room for
// them.
void WorkerState::AdmitWaiting() {
  // Who comes with its KV needs slots, but no room in the step.
  while (!handed_.empty()) {
    Sequence& sequence = *handed_.begin()->second;
    if (!waiting_.empty() && waiting_.begin()->first.priority < sequence.rank.priority) break;
    if (running_.size() >= limits_.sequences_max && !PreemptForPriority(sequence)) return;
    if (Admit(sequence) != Growth::kGranted) return;
  }
  const uint32_t room = std::min(limits_.step_tokens, limits_.prompt_chunk);
  while (!waiting_.empty() && PrefillBefore(waiting_.begin()->first) < room) {
    Sequence& sequence = *waiting_.begin()->second;
    if (running_.size() >= limits_.sequences_max && !PreemptForPriority(sequence)) return;
    if (Admit(sequence) != Growth::kGranted) return;
  }
}

// Prompt tokens that steps compute before those of who has this rank.
uint64_t WorkerState::PrefillBefore(const Rank& rank) const {
  uint64_t tokens = 0;
  for (const auto& [other, sequence] : running_) {
    if (rank < other) break;
    if (sequence->state == SequenceState::kRunning && sequence->left() > 1) {
      tokens += sequence->left();
    }
  }
  return tokens;
}

WorkerState::Growth WorkerState::Admit(Sequence& sequence) {
  for (;;) {
    if (sequence.refused_at == store_.changes()) return Growth::kLater;
    ClaimAnswer answer = ClaimFor(sequence);
    if (std::holds_alternative<ChainClaim>(answer)) {
      Begin(sequence, std::get<ChainClaim>(std::move(answer)));
      return Growth::kGranted;
    }
    if (std::holds_alternative<NoRoom>(answer)) {
      if (PreemptForPriority(sequence) || DropOneFollow()) continue;
      // What fits the budget can run when it is alone.
      CAIRN_CHECK(!running_.empty() || !fetches_.empty() || !sends_.empty() || !loans_.empty());
    }
    sequence.refused_at = store_.changes();
    return Growth::kLater;
  }
}

// Only a strictly better priority takes blocks from somebody who has begun.
bool WorkerState::PreemptForPriority(const Sequence& sequence) {
  if (running_.empty()) return false;
  Sequence& last = *running_.rbegin()->second;
  if (last.rank.priority <= sequence.rank.priority) return false;
  Preempt(last);
  return true;
}

// All blocks for the tokens that the sequence has. Its last token is always computed, since that is
// where the next one's logits come from.
ClaimAnswer WorkerState::ClaimFor(Sequence& sequence) {
  const uint32_t length = sequence.length();
  const uint32_t blocks = BlocksFor(length, block_tokens_);
  const uint32_t spare = SpareSlots();
  if (length % block_tokens_ == 0 && block_tokens_ > 1 && !sequence.source &&
      store_.Match(sequence.chain, blocks) == blocks) {
    // Held completely: the last block is copied and only its last token computed, if there is a
    // slot for the copy.
    ClaimAnswer answer = store_.Claim(sequence.chain, blocks, blocks + 1 + spare);
    if (std::holds_alternative<ChainClaim>(answer)) {
      sequence.copies_whole_prompt = true;
      return answer;
    }
    if (std::holds_alternative<NotNow>(answer)) return answer;
  }
  const uint32_t full = (length - 1) / block_tokens_;
  return store_.Claim(sequence.chain, full, blocks + spare,
                      sequence.source ? full : FetchEnd(sequence, full));
}

// Room to grow for those who run: whoever is let in on the last slot is the first to be preempted.
uint32_t WorkerState::SpareSlots() const { return static_cast<uint32_t>(running_.size() + 7) / 8; }

void WorkerState::Begin(Sequence& sequence, ChainClaim claim) {
  StopWaiting(sequence);
  const uint32_t prefix = static_cast<uint32_t>(claim.prefix.size());
  const uint32_t blocks =
      BlocksFor(sequence.length(), block_tokens_) + (sequence.copies_whole_prompt ? 1 : 0);
  sequence.table.AddPrefix(std::move(claim.prefix));
  for (uint32_t i = prefix; i < blocks; ++i) sequence.table.AddFresh(claim.fresh.Take());
  sequence.computed = prefix * block_tokens_;
  if (!sequence.started && !sequence.live->forked) {
    PromptUsage& usage = sequence.live->usage;
    // What came before something was lost on the way was not here by itself.
    const uint32_t brought = std::min(sequence.fetched_blocks, claim.device_blocks);
    usage.fetched_tokens = (brought + claim.fetched_blocks) * block_tokens_;
    usage.cached_device_tokens = (claim.device_blocks - brought) * block_tokens_;
    usage.cached_dram_tokens = claim.dram_blocks * block_tokens_;
    if (sequence.copies_whole_prompt) {
      // The tail is the first to leave the device.
      --(claim.dram_blocks > 0 ? usage.cached_dram_tokens : usage.cached_device_tokens);
    }
  }
  SetRunning(sequence, SequenceState::kArriving);
  sequence.source ? FetchFor(sequence, claim.fetched_blocks)
                  : FetchPrefix(sequence, claim.fetched_blocks);
  EndFollow(sequence.request);
  EndLoan(sequence.request);
  SettleArrivals();
}

// Blocks that another sequence published since the claim are read and not computed again.
void WorkerState::AdoptPublished(Sequence& sequence) {
  if (sequence.copy || sequence.computed % block_tokens_ != 0) return;
  while (sequence.computed + block_tokens_ < sequence.length()) {
    std::optional<BlockLease> lease = store_.LeaseReady(
        sequence.chain, sequence.computed / block_tokens_, sequence.table.last_leased());
    if (!lease) return;
    sequence.table.Adopt(*std::move(lease));
    sequence.computed += block_tokens_;
    LiveRequest& live = *sequence.live;
    if (!live.forked && !sequence.restarted) live.usage.cached_device_tokens += block_tokens_;
  }
}

std::optional<StepPlan> WorkerState::PlanNextStep() {
  SettleArrivals();
  if (!GrowRunning()) AdmitWaiting();
  store_.KeepHeadroom();

  ready_.clear();
  candidates_.clear();
  for (const auto& [rank, sequence] : running_) {
    if (sequence->state != SequenceState::kRunning) continue;
    if (sequence->table.capacity() < sequence->length()) continue;  // waits for a move
    AdoptPublished(*sequence);
    ready_.push_back(sequence);
    candidates_.push_back({.left = sequence->left()});
  }
  if (ready_.empty()) return std::nullopt;
  // A step that failed accuses all who were in it. Each is tried alone, so that one whose tokens
  // the engine cannot bear takes no other with it.
  const auto suspect = std::ranges::find_if(
      ready_, [](const Sequence* sequence) { return sequence->attempts_failed > 0; });
  if (suspect != ready_.end()) {
    candidates_ = {candidates_[static_cast<size_t>(suspect - ready_.begin())]};
    ready_ = {*suspect};
  }
  const std::vector<uint32_t> tokens =
      PlanStep(candidates_, limits_.step_tokens, limits_.prompt_chunk);

  StepPlan plan{.number = totals_.steps + 1};
  plan.spans.reserve(ready_.size());
  totals_.last_step_tokens = 0;
  for (bool decodes : {true, false}) {
    for (size_t i = 0; i < ready_.size(); ++i) {
      if (tokens[i] == 0 || (candidates_[i].left == 1) != decodes) continue;
      Sequence& sequence = *ready_[i];
      if (sequence.copy) plan.copies.push_back(sequence.copy->copy());
      plan.spans.push_back(MakeSpan(sequence, tokens[i]));
      sequence.in_step = true;
      sequence.started = true;
      spans_out_.push_back({.sequence = &sequence,
                            .end = sequence.computed + tokens[i],
                            .samples = plan.spans.back().samples.size()});
      totals_.last_step_tokens += tokens[i];
    }
  }
  step_out_ = true;
  return plan;
}

StepSpan WorkerState::MakeSpan(Sequence& sequence, uint32_t tokens) {
  const uint32_t first = sequence.computed;
  const uint32_t end = first + tokens;
  const std::span<const TokenId> run = sequence.chain.tokens().subspan(first, tokens);
  const std::span<const SlotIndex> table =
      sequence.table.slots().first(BlocksFor(end, block_tokens_));
  StepSpan span{.sequence = sequence.id,
                .first_position = first,
                .tokens = {run.begin(), run.end()},
                .table = {table.begin(), table.end()},
                .samples = {}};
  if (end == sequence.length()) AddSamples(sequence, span);
  return span;
}

void WorkerState::AddSamples(const Sequence& sequence, StepSpan& span) {
  const LiveRequest& live = *sequence.live;
  const GenerationRequest& request = live.request;
  if (request.max_tokens == 0) return;
  const bool stop_forbidden = !request.ignore_eos && sequence.output_tokens() < request.min_tokens;
  const auto add = [&](uint32_t choice) {
    span.samples.push_back({.params = &request.sampling,
                            .seed = request.sampling.seed + choice,
                            .position = sequence.length(),
                            .prompt = sequence.prompt(),
                            .output = sequence.output(),
                            .forbidden = stop_forbidden
                                             ? std::span<const TokenId>(request.stop_tokens)
                                             : std::span<const TokenId>()});
  };
  if (live.forked) return add(sequence.choice());
  for (uint32_t choice = 0; choice < live.choices.size(); ++choice) add(choice);
}

}  // namespace cairn
