#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"
#include "worker/core/request_check.h"
#include "worker/core/worker_state.h"

namespace cairn {

WorkerState::WorkerState(const WorkerLimits& limits, const StoreLimits& store,
                         const ModelIdentity& model)
    : limits_(limits),
      model_(model),
      block_tokens_(store.block_tokens),
      context_limit_(ContextLimit(limits, store)),
      store_(store) {
  CAIRN_CHECK_GT(limits.vocabulary_size, 0u);
  CAIRN_CHECK_GT(limits.context_length, 1u);
  CAIRN_CHECK_GT(limits.step_tokens, 0u);
  CAIRN_CHECK_GT(limits.sequences_max, 0u);
  CAIRN_CHECK_GT(limits.step_attempts_max, 0u);
  Handle(SetPromptChunk{limits.prompt_chunk});
}

std::unique_ptr<Sequence> WorkerState::NewSequence(LiveRequest& live, uint32_t choice,
                                                   BlockChain chain) {
  const GenerationRequest& request = live.request;
  return std::make_unique<Sequence>(Sequence{.id = SequenceId(++last_sequence_),
                                             .request = request.id,
                                             .live = &live,
                                             .rank = {.priority = request.priority,
                                                      .due = live.due,
                                                      .arrival = live.arrival,
                                                      .choice = choice},
                                             .chain = std::move(chain),
                                             .prompt_tokens = live.usage.prompt_tokens,
                                             .table = BlockTable(block_tokens_),
                                             .copy = std::nullopt});
}

void WorkerState::Handle(Assign event) {
  GenerationRequest& request = event.request;
  if (requests_.contains(request.id)) return;  // said twice on the way here
  if (std::optional<std::string> why = WhyRefused(event)) return Refuse(request, *std::move(why));
  auto live = std::make_unique<LiveRequest>();
  live->request = Fitted(std::move(request), context_limit_);
  live->arrival = ++last_arrival_;
  live->due = DueOf(live->request.slo, now_);
  live->choices.resize(live->request.choices);
  live->open_choices = live->request.choices;
  live->usage.prompt_tokens = static_cast<uint32_t>(live->request.prompt.size());

  BlockChain chain(
      {.model = model_, .salt = live->request.cache_salt, .block_tokens = block_tokens_});
  chain.Append(live->request.prompt);
  live->request.prompt = {};  // from here on the chain has it
  const RequestId id = live->request.id;
  LiveRequest& placed = *requests_.emplace(id, std::move(live)).first->second;
  placed.yields = event.yields;
  placed.follower = event.follower;
  if (!event.resume.empty()) {
    ResumeChoices(placed, chain, event);
    return EraseIfEnded(id);
  }
  placed.choices[0].sequence = NewSequence(placed, 0, std::move(chain));
  placed.choices[0].sequence->holder = event.holder;
  Enqueue(*placed.choices[0].sequence);
}

std::optional<std::string> WorkerState::WhyRefused(const Assign& assign) const {
  if (requests_.size() >= limits_.requests_max) {
    return absl::StrCat("the worker has its limit of ", limits_.requests_max,
                        " requests; try again later");
  }
  std::optional<std::string> why = Refusal(assign.request, limits_, store_.limits());
  return why ? why : ResumeRefusal(assign, limits_);
}

void WorkerState::Refuse(const GenerationRequest& request, std::string message) {
  const uint32_t choices = std::clamp(request.choices, 1u, std::max(limits_.choices_max, 1u));
  for (uint32_t choice = 0; choice < choices; ++choice) {
    Send(ChoiceEnded{.request = request.id,
                     .choice = choice,
                     .reason = FinishReason::kFailed,
                     .message = message});
  }
  Send(RequestEnded{.request = request.id});
}

void WorkerState::Handle(const Cancel& event) {
  EndFollow(event.request);
  EndLoan(event.request);
  LiveRequest* live = Find(event.request);
  if (live == nullptr) return;
  // What a step reads must stay as it is until the step is over.
  if (InStep(*live)) {
    live->cancelled = true;
  } else {
    EndRequest(event.request, FinishReason::kCancelled);
  }
}

void WorkerState::Handle(const StopChoice& event) {
  LiveRequest* live = Find(event.request);
  if (live == nullptr || event.choice >= live->choices.size()) return;
  Choice& choice = live->choices[event.choice];
  if (choice.ended) return;
  if (InStep(*live)) {
    choice.stop_asked = true;
  } else {
    EndChoice(*live, event.choice, FinishReason::kStop);
    EraseIfEnded(event.request);
  }
}

void WorkerState::Handle(StepFinished event) {
  CAIRN_CHECK(step_out_);
  CAIRN_CHECK_EQ(event.number, ++totals_.steps);
  step_out_ = false;
  for (const SpanOut& span : spans_out_) span.sequence->in_step = false;

  if (event.result.ok()) {
    StepResult& result = *event.result;
    CAIRN_CHECK_EQ(result.samples.size(), spans_out_.size());
    totals_.last_step = result.elapsed;
    totals_.busy = totals_.busy + result.elapsed;
    for (size_t i = 0; i < spans_out_.size(); ++i) {
      FinishSpan(spans_out_[i], std::move(result.samples[i]));
    }
  } else {
    const std::string message(event.result.status().message());
    for (const SpanOut& span : spans_out_) FailSpan(*span.sequence, message);
  }
  // Requests go last: a sequence of one may have been in several spans.
  std::vector<RequestId> to_settle;
  for (const SpanOut& span : spans_out_) {
    if (NeedsSettling(*span.sequence->live)) to_settle.push_back(span.sequence->request);
  }
  for (RequestId id : to_settle) Settle(id);
  spans_out_.clear();
  Send(load());
}

bool WorkerState::NeedsSettling(const LiveRequest& live) const {
  return live.cancelled || live.yield_asked || live.open_choices == 0 ||
         std::ranges::any_of(live.choices, &Choice::stop_asked);
}

// Carries out what was asked during the step, and ends what has no choice left.
void WorkerState::Settle(RequestId id) {
  LiveRequest* live = Find(id);
  if (live == nullptr) return;  // settled for an earlier span
  for (uint32_t i = 0; i < live->choices.size(); ++i) {
    if (live->choices[i].stop_asked) EndChoice(*live, i, FinishReason::kStop);
  }
  if (live->cancelled) {
    EndRequest(id, FinishReason::kCancelled);
  } else if (live->yield_asked && live->open_choices > 0) {
    GiveUp(id);
  } else {
    EraseIfEnded(id);
  }
}

// The span's KV is there. Its blocks are worth keeping even if nobody waits for its tokens any
// more.
void WorkerState::FinishSpan(const SpanOut& span, SpanSamples samples) {
  Sequence& sequence = *span.sequence;
  LiveRequest& live = *sequence.live;
  CAIRN_CHECK_EQ(samples.size(), span.samples);
  sequence.copy.reset();
  sequence.attempts_failed = 0;
  sequence.computed = span.end;
  sequence.table.Advance(span.end, sequence.chain, store_);
  TellFollower(live, sequence);
  if (live.cancelled || sequence.left() > 0) return;
  if (!live.forked) {
    FinishPrompt(live, sequence, std::move(samples));
  } else {
    TellPrefilled(live);  // for the first choice that goes on from elsewhere
    if (!samples.empty()) TakeToken(live, sequence.choice(), std::move(samples[0]));
  }
}

void WorkerState::TellPrefilled(LiveRequest& live) {
  if (std::exchange(live.prefill_told, true)) return;
  PrefillDone done{.request = live.request.id, .usage = live.usage, .told_through = {}};
  if (const BlockAnnouncer* announcer = store_.announcer()) {
    done.told_through = announcer->told_through();
  }
  Send(std::move(done));
}

void WorkerState::FinishPrompt(LiveRequest& live, Sequence& primary, SpanSamples samples) {
  live.forked = true;
  totals_.lookup_tokens += live.usage.prompt_tokens;
  totals_.hit_device_tokens += live.usage.cached_device_tokens;
  totals_.hit_dram_tokens += live.usage.cached_dram_tokens;
  TellPrefilled(live);
  const uint32_t choices = static_cast<uint32_t>(live.choices.size());
  for (uint32_t i = 1; i < choices; ++i) {
    if (!live.choices[i].ended && !samples.empty()) Fork(live, primary, i);
  }
  for (uint32_t i = 0; i < choices; ++i) {
    if (live.choices[i].ended) continue;
    if (samples.empty()) {
      EndChoice(live, i, FinishReason::kLength);  // no tokens were asked for
    } else {
      TakeToken(live, i, std::move(samples[i]));
    }
  }
  // A choice that was stopped before it began has held the prompt for the others.
  if (live.choices[0].ended && live.choices[0].sequence) Forget(primary);
}

// Begins another choice on the prompt's blocks: the full ones are shared, the partial last one is
// copied before it is written. Without a slot for the copy the choice waits, and finds the full
// blocks again.
void WorkerState::Fork(LiveRequest& live, const Sequence& primary, uint32_t choice) {
  live.choices[choice].sequence = NewSequence(live, choice, primary.chain);
  Sequence& fork = *live.choices[choice].sequence;
  fork.started = true;
  std::optional<SlotHold> source = primary.table.SharePartial();
  std::optional<Reservation> slot;
  if (running_.size() < limits_.sequences_max) {
    ReserveAnswer answer = store_.Reserve(source ? 1 : 0);
    if (std::holds_alternative<Reservation>(answer))
      slot = std::get<Reservation>(std::move(answer));
  }
  if (!slot) return Enqueue(fork);
  fork.table = primary.table.ShareLeased();
  if (source) {
    SlotHold target = slot->Take();
    fork.copy = PendingCopy{.source = *std::move(source), .to = target.slot()};
    fork.table.AddFresh(std::move(target), primary.table.partial_tokens());
  }
  fork.computed = primary.computed;
  SetRunning(fork, SequenceState::kRunning);
}

void WorkerState::TakeToken(LiveRequest& live, uint32_t choice, SampledToken sampled) {
  const GenerationRequest& request = live.request;
  Choice& to = live.choices[choice];
  Sequence& sequence = *to.sequence;
  ++to.tokens;
  const bool stops = !request.ignore_eos && std::ranges::find(request.stop_tokens, sampled.token) !=
                                                request.stop_tokens.end();
  if (stops) return EndChoice(live, choice, FinishReason::kStop);
  const TokenId token = sampled.token;
  Send(TokenProduced{.request = request.id,
                     .choice = choice,
                     .position = sequence.output_tokens(),
                     .token = std::move(sampled)});
  if (sequence.state == SequenceState::kWaiting) ++waiting_tokens_;
  sequence.chain.Append(token);
  if (sequence.output_tokens() >= request.max_tokens) {
    EndChoice(live, choice, FinishReason::kLength);
  }
  live.yield_asked |= live.yields;
}

// After a failed step nothing that it wrote is trusted: the sequence goes back to its sealed
// blocks.
void WorkerState::FailSpan(Sequence& sequence, const std::string& message) {
  LiveRequest& live = *sequence.live;
  if (++sequence.attempts_failed < limits_.step_attempts_max) {
    SetWaiting(sequence);
    return;
  }
  const auto fail = [&](uint32_t choice) {
    EndChoice(live, choice, FinishReason::kFailed,
              absl::StrCat("the engine failed ", limits_.step_attempts_max, " times: ", message));
  };
  if (live.forked) return fail(sequence.choice());
  for (uint32_t i = 0; i < live.choices.size(); ++i) fail(i);
}

void WorkerState::EndChoice(LiveRequest& live, uint32_t choice, FinishReason reason,
                            std::string message) {
  Choice& to_end = live.choices[choice];
  to_end.stop_asked = false;
  if (to_end.ended) return;
  to_end.ended = true;
  --live.open_choices;
  Send(ChoiceEnded{.request = live.request.id,
                   .choice = choice,
                   .reason = reason,
                   .message = std::move(message),
                   .tokens = to_end.tokens});
  // Before the fork choice 0's sequence works for all.
  if (to_end.sequence && (live.forked || live.open_choices == 0)) {
    Forget(*to_end.sequence);
    DropSource(*to_end.sequence);
  }
}

void WorkerState::EndRequest(RequestId id, FinishReason reason) {
  LiveRequest& live = *Find(id);
  for (uint32_t i = 0; i < live.choices.size(); ++i) EndChoice(live, i, reason);
  EraseIfEnded(id);
}

void WorkerState::EraseIfEnded(RequestId id) {
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->open_choices > 0) return;
  for (Choice& choice : found->second->choices) {
    if (choice.sequence) Forget(*choice.sequence);
  }
  EndFollow(id);
  Send(RequestEnded{.request = id, .preemptions = found->second->preemptions});
  requests_.erase(found);
}

LiveRequest* WorkerState::Find(RequestId id) {
  const auto found = requests_.find(id);
  return found == requests_.end() ? nullptr : found->second.get();
}

bool WorkerState::InStep(const LiveRequest& live) const {
  return std::ranges::any_of(live.choices, [](const Choice& choice) {
    return choice.sequence != nullptr && choice.sequence->in_step;
  });
}

bool WorkerState::idle() const {
  return requests_.empty() && !step_out_ && store_.moves_outstanding() == 0 && fetches_.empty() &&
         sends_.empty() && loans_.empty() && followed_.empty();
}

WorkerLoad WorkerState::load() const {
  WorkerLoad load = totals_;
  load.requests_running = requests_running_;
  load.requests_waiting = static_cast<uint32_t>(requests_.size()) - requests_running_;
  load.prefill_tokens_left = waiting_tokens_;
  for (const auto& [rank, sequence] : running_) {
    // What comes with a handoff is not computed.
    if (sequence->left() > 1 && !sequence->source) load.prefill_tokens_left += sequence->left();
  }
  const StoreCounts& counts = store_.counts();
  load.device_slots = store_.limits().device.slots;
  load.device_slots_free = store_.device_slots_available();
  load.dram_slots = store_.limits().dram.slots;
  load.dram_slots_used = store_.pool(Tier::kDram).held();
  load.blocks_evicted_device = store_.evicted_device();
  load.blocks_evicted_dram = counts.evicted_dram;
  load.blocks_demoted = counts.demoted;
  load.blocks_promoted = counts.promoted;
  load.checksum_failures += counts.checksum_failures;
  return load;
}

}  // namespace cairn
