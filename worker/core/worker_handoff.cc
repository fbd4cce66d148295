// How a request goes from worker to worker: the source's side, then the target's.
#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"
#include "worker/core/worker_state.h"

namespace cairn {
namespace {

// Tail first, so that the head was used last: it goes last.
void Release(std::vector<BlockLease>& leases) {
  while (!leases.empty()) leases.pop_back();
}

}  // namespace

void WorkerState::Tick(Instant now) {
  now_ = std::max(now_, now);
  if (!next_end_ || now_ < *next_end_) return;
  next_end_.reset();
  // Each ends its own way, which erases it.
  std::vector<RequestId> lent, followed;
  for (const auto& [id, loan] : loans_) {
    loan.ends <= now_ ? lent.push_back(id) : NoteEnd(loan.ends);
  }
  for (const auto& [id, prompt] : followed_) {
    prompt.ends <= now_ ? followed.push_back(id) : NoteEnd(prompt.ends);
  }
  EndLateFetches();
  if (!handed_.empty()) KeepLoans();
  for (RequestId id : lent) EndLoan(id);
  GiveWay();
  if (!loans_.empty()) NoteEnd(now_ + limits_.loan_time / 4);
  for (RequestId id : followed) EndFollow(id);
}

// Ends may move further away: then Tick finds nothing and looks for the next.
void WorkerState::NoteEnd(Instant ends) {
  if (!next_end_ || ends < *next_end_) next_end_ = ends;
}

void WorkerState::Handle(const SetPromptChunk& event) {
  limits_.prompt_chunk =
      event.tokens == 0 ? limits_.step_tokens : std::min(event.tokens, limits_.step_tokens);
}

void WorkerState::Handle(const PeerSaid& event) {
  std::visit([&](const auto& word) { Hear(event.from, word); }, event.word);
}

// --- the source

void WorkerState::Handle(const Yield& event) {
  LiveRequest* live = Find(event.request);
  if (live == nullptr) return;
  // What a step reads and writes must stay as it is until the step is over.
  if (InStep(*live)) {
    live->yield_asked = true;
  } else {
    GiveUp(event.request);
  }
}

// Blocks that are here in full, and the partly filled one behind them, are lent. Several choices
// have no one sequence to lend: whoever goes on with them computes, or finds the prompt's blocks by
// their keys.
void WorkerState::GiveUp(RequestId id) {
  LiveRequest& live = *Find(id);
  EndLoan(id);  // of an earlier request of this number: one that has begun here has ended its own
  Sequence* only = live.choices.size() == 1 ? live.choices[0].sequence.get() : nullptr;
  if (only != nullptr && only->state == SequenceState::kRunning && !only->copy) {
    only->table.DropEmpty();
    const Instant ends = now_ + limits_.loan_time;
    loans_.emplace(id, Loan{.table = std::move(only->table), .ends = ends, .firm_until = ends});
    only->table = BlockTable(block_tokens_);
    NoteEnd(ends);
  }
  for (Choice& choice : live.choices) {
    if (!choice.sequence) continue;
    Forget(*choice.sequence);
    DropSource(*choice.sequence);
  }
  EndFollow(id);
  Send(Yielded{.request = id, .preemptions = live.preemptions});
  requests_.erase(id);
}

void WorkerState::TellFollower(LiveRequest& live, const Sequence& sequence) {
  if (!live.follower || live.choices.size() != 1) return;
  const uint32_t blocks =
      std::min(sequence.table.sealed_blocks(), sequence.prompt_tokens / block_tokens_);
  if (blocks == live.follower_told) return;
  live.follower_told = blocks;
  handoff_actions_.push_back(TellPeer{*live.follower, BlocksSealed{sequence.request, blocks}});
}

void WorkerState::Handle(const BlocksAsked& event) {
  if (!event.keys.empty()) return Lend(event);
  const BlockRange& range = event.range;
  const BlockTable* table = nullptr;
  uint32_t filled = 0;  // what may be read of the block behind the sealed ones
  if (const auto loan = loans_.find(range.request); loan != loans_.end()) {
    table = &loan->second.table;
    filled = table->partial_tokens();
    loan->second.ends = now_ + limits_.loan_time;
  } else if (const LiveRequest* live = Find(range.request);
             live != nullptr && live->choices.size() == 1 && live->choices[0].sequence &&
             live->choices[0].sequence->state == SequenceState::kRunning) {
    table = &live->choices[0].sequence->table;
  }
  const uint32_t end = range.first + range.blocks;
  const bool whole =
      table != nullptr && end <= table->sealed_blocks() &&
      (range.partial_tokens == 0 || end < table->sealed_blocks() || range.partial_tokens <= filled);
  if (!whole) {
    handoff_actions_.push_back(RefuseBlocks{event.from, event.fetch});
    return;
  }
  SendBlocks action{.id = SendId(++last_send_),
                    .to = event.from,
                    .fetch = event.fetch,
                    .range = range,
                    .slots = {},
                    .keys = {}};
  BlockSend& send = sends_[action.id];
  for (uint32_t block = range.first; block < end; ++block) {
    send.blocks.push_back(table->ShareLease(block));
    action.slots.push_back(send.blocks.back().slot());
    action.keys.push_back(store_.copies().key(send.blocks.back().block()));
  }
  if (range.partial_tokens > 0) {
    action.slots.push_back(table->slots()[end]);
    if (end < table->sealed_blocks()) {
      send.blocks.push_back(table->ShareLease(end));
    } else {
      send.partial = table->ShareNext();
    }
  }
  handoff_actions_.push_back(std::move(action));
}

void WorkerState::Hear(NodeLife /*from*/, const LoanWanted& word) {
  const auto loan = loans_.find(word.request);
  if (loan != loans_.end()) loan->second.ends = now_ + limits_.loan_time;
}

void WorkerState::Hear(NodeLife /*from*/, const LoanDone& word) { EndLoan(word.request); }

void WorkerState::EndLoan(RequestId id) {
  const auto found = loans_.find(id);
  if (found == loans_.end()) return;
  found->second.table.Release();
  loans_.erase(found);
}

// Two workers that wait for each other's loans would wait for ever: when nobody runs here and
// somebody waits, a loan that has lasted long enough gives way.
void WorkerState::GiveWay() {
  if (!running_.empty() || (waiting_.empty() && handed_.empty())) return;
  for (const auto& [id, loan] : loans_) {
    if (loan.firm_until <= now_) return EndLoan(id);
  }
}

// --- the target

// Each choice waits with all the tokens it has, like one that was preempted. They find each other's
// blocks of the prompt through their keys.
void WorkerState::ResumeChoices(LiveRequest& live, const BlockChain& prompt, const Assign& assign) {
  live.forked = true;
  const bool lent = assign.source && assign.resume.size() == 1;
  for (uint32_t i = 0; i < assign.resume.size(); ++i) {
    const ResumedChoice& resumed = assign.resume[i];
    Choice& choice = live.choices[i];
    choice.tokens = static_cast<uint32_t>(resumed.tokens.size());
    if (resumed.ended) {
      choice.ended = true;
      --live.open_choices;
    } else if (choice.tokens >= live.request.max_tokens) {
      EndChoice(live, i, FinishReason::kLength);  // its end was lost, not its last token
    } else {
      choice.sequence = NewSequence(live, i, prompt);
      choice.sequence->chain.Append(resumed.tokens);
      if (lent) choice.sequence->source = assign.source;
      if (!lent) choice.sequence->holder = assign.holder;
      Enqueue(*choice.sequence);
    }
  }
  if (!handed_.empty()) KeepLoans();
}

// Those who wait for room say so, several times while a loan lasts.
void WorkerState::KeepLoans() {
  const Duration often = limits_.loan_time / 4;
  if (now_ >= loans_kept_ + often) {
    loans_kept_ = now_;
    for (const auto& [rank, sequence] : handed_) {
      handoff_actions_.push_back(TellPeer{*sequence->source, LoanWanted{sequence->request}});
    }
  }
  NoteEnd(loans_kept_ + often);
}

void WorkerState::Handle(Follow event) {
  if (requests_.contains(event.request)) return;
  EndFollow(event.request);
  if (followed_.size() >= limits_.followed_max) return;
  BlockChain chain(
      {.model = model_, .salt = std::move(event.cache_salt), .block_tokens = block_tokens_});
  chain.Append(event.prompt);
  const Instant ends = now_ + limits_.loan_time;
  followed_.emplace(event.request, FollowedPrompt{.source = event.source,
                                                  .chain = std::move(chain),
                                                  .ends = ends,
                                                  .fetch = std::nullopt,
                                                  .held = {}});
  NoteEnd(ends);
}

void WorkerState::Hear(NodeLife from, const BlocksSealed& word) {
  const auto found = followed_.find(word.request);
  if (found == followed_.end() || found->second.source != from) return;
  FollowedPrompt& followed = found->second;
  followed.ends = now_ + limits_.loan_time;
  followed.sealed_blocks = std::max(followed.sealed_blocks, word.blocks);
  FetchAhead(word.request, followed);
}

// Without room nothing is fetched ahead: those who run need it more.
void WorkerState::FetchAhead(RequestId id, FollowedPrompt& followed) {
  const uint32_t wanted = std::min(followed.sealed_blocks, followed.chain.full_blocks());
  if (followed.fetch || wanted <= followed.held.size() || !handed_.empty()) return;
  const uint32_t spare = SpareSlots();
  ClaimAnswer answer = store_.Claim(followed.chain, wanted, wanted + spare, wanted);
  if (!std::holds_alternative<ChainClaim>(answer)) return;
  ChainClaim& claim = std::get<ChainClaim>(answer);
  Release(followed.held);
  followed.held = std::move(claim.prefix);
  if (claim.fetched_blocks == 0) return;
  const auto first = static_cast<uint32_t>(followed.held.size()) - claim.fetched_blocks;
  BlockFetch fetch{.source = followed.source,
                   .range = {.request = id, .first = first, .blocks = claim.fetched_blocks},
                   .blocks = {},
                   .partial = std::nullopt};
  for (size_t i = first; i < followed.held.size(); ++i) {
    fetch.blocks.push_back(followed.held[i].Share());
  }
  followed.fetch = StartFetching(std::move(fetch));
}

// All but the last token's KV is at the source. The last `fetched` of the table's leased blocks are
// to come from there, and what is behind the last full one.
void WorkerState::FetchFor(Sequence& sequence, uint32_t fetched) {
  const BlockTable& table = sequence.table;
  const uint32_t there = sequence.length() - 1;
  const bool to_the_end = table.sealed_blocks() == there / block_tokens_;
  BlockFetch fetch{.source = *sequence.source,
                   .range = {.request = sequence.request,
                             .first = table.sealed_blocks() - fetched,
                             .blocks = fetched,
                             .partial_tokens = to_the_end ? there % block_tokens_ : 0},
                   .blocks = {},
                   .partial = std::nullopt};
  if (fetched == 0 && fetch.range.partial_tokens == 0) return;  // all is here
  for (uint32_t block = fetch.range.first; block < table.sealed_blocks(); ++block) {
    fetch.blocks.push_back(table.ShareLease(block));
  }
  if (fetch.range.partial_tokens > 0) fetch.partial = table.ShareNext();
  sequence.fetch = StartFetching(std::move(fetch));
}

FetchId WorkerState::StartFetching(BlockFetch fetch, std::vector<BlockKey> keys) {
  StartFetch action{.id = FetchId(++last_fetch_),
                    .source = fetch.source,
                    .range = fetch.range,
                    .targets = {},
                    .keys = std::move(keys)};
  for (const BlockLease& block : fetch.blocks) action.targets.push_back(block.slot());
  if (fetch.partial) action.targets.push_back(fetch.partial->slot());
  const FetchId id = action.id;
  fetches_.emplace(id, std::move(fetch));
  handoff_actions_.push_back(std::move(action));
  return id;
}

void WorkerState::Handle(const FetchFinished& event) {
  const auto found = fetches_.find(event.id);
  CAIRN_CHECK(found != fetches_.end());
  const BlockFetch fetch = std::move(found->second);
  fetches_.erase(found);
  if (fetch.kind == FetchKind::kTooLate) return;
  const uint32_t arrived = TakeArrived(fetch, event);
  const bool all = arrived == fetch.targets();

  const RequestId id = fetch.range.request;
  const auto followed = followed_.find(id);
  if (followed != followed_.end() && followed->second.fetch == event.id) {
    followed->second.fetch.reset();
    all ? FetchAhead(id, followed->second) : EndFollow(id);
    return;
  }
  Sequence* sequence = WhoFetches(id, event.id);
  if (sequence == nullptr) return;  // nobody waits for it any more
  sequence->fetch.reset();
  if (fetch.kind == FetchKind::kPrefix) {
    sequence->fetched_blocks = arrived;
    return;  // without the rest it starts over (SettleArrivals)
  }
  if (!all) return DropSource(*sequence);  // it is computed then
  if (!fetch.partial) return;
  sequence->table.FillPartial(fetch.range.partial_tokens);
  sequence->computed += fetch.range.partial_tokens;
}

// The sequence that waits for the fetch, if one still does.
Sequence* WorkerState::WhoFetches(RequestId request, FetchId fetch) {
  LiveRequest* live = Find(request);
  if (live == nullptr) return nullptr;
  for (Choice& choice : live->choices) {
    if (choice.sequence && choice.sequence->fetch == fetch) return choice.sequence.get();
  }
  return nullptr;
}

// How many came and are what they should be.
uint32_t WorkerState::TakeArrived(const BlockFetch& fetch, const FetchFinished& event) {
  const size_t wanted = fetch.targets();
  const bool shaped = fetch.kind == FetchKind::kPrefix ? event.blocks.size() <= wanted
                                                       : event.blocks.size() == wanted;
  uint32_t arrived = 0;
  for (size_t i = 0; i < wanted; ++i) {
    const bool full = i < fetch.blocks.size();
    const bool came = shaped && i < event.blocks.size();
    bool good = came && event.blocks[i].checksum_sent == event.blocks[i].checksum_arrived;
    if (good && full) good = event.blocks[i].key == store_.copies().key(fetch.blocks[i].block());
    if (came && !good) ++totals_.checksum_failures;
    arrived += good;
    if (!full) continue;
    if (good) {
      store_.FetchArrived(fetch.blocks[i], event.blocks[i].checksum_arrived);
    } else {
      store_.FetchLost(fetch.blocks[i]);
    }
  }
  if (fetch.kind == FetchKind::kPrefix) fetch_counts_.blocks_arrived += arrived;
  return arrived;
}

// The source may give its blocks back: all that could be had is here.
void WorkerState::DropSource(Sequence& sequence) {
  if (!sequence.source) return;
  handoff_actions_.push_back(TellPeer{*sequence.source, LoanDone{sequence.request}});
  const bool waits = handed_.contains(sequence.rank);
  StopWaiting(sequence);
  sequence.source.reset();
  if (waits) Enqueue(sequence);
}

void WorkerState::EndFollow(RequestId id) {
  const auto found = followed_.find(id);
  if (found == followed_.end()) return;
  Release(found->second.held);
  followed_.erase(found);
}

// The youngest: the others have more of their prompts here.
bool WorkerState::DropOneFollow() {
  if (followed_.empty()) return false;
  EndFollow(followed_.rbegin()->first);
  return true;
}

}  // namespace cairn
