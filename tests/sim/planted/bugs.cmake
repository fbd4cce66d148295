# Copies the cores of store, scheduler and worker to OUT and plants bugs in the copies, each behind
# `planted_bug == N`. Every patch names a piece of the source that must be there exactly once, so a patch
# that no longer fits its source fails the build instead of planting nothing.
#
#   cmake -DSOURCE=<tree> -DOUT=<folder> -P bugs.cmake

# bug(NUMBER FILE ORIGINAL MUTANT): inside MUTANT, @N@ is the condition that the bug is on.
function(bug number file original mutant)
  string(MAKE_C_IDENTIFIER "text_${file}" slot)
  get_property(text GLOBAL PROPERTY ${slot})
  string(FIND "${text}" "${original}" first)
  string(FIND "${text}" "${original}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "bug ${number}: not exactly once in ${file}:\n${original}")
  endif()
  string(REPLACE "@N@" "(::cairn::planted_bug == ${number})" mutant "${mutant}")
  string(REPLACE "${original}" "${mutant}" text "${text}")
  set_property(GLOBAL PROPERTY ${slot} "${text}")
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)
list(TRANSFORM planted_globs PREPEND ${SOURCE}/)
file(GLOB files RELATIVE ${SOURCE} ${planted_globs})
foreach(file IN LISTS files)
  file(READ ${SOURCE}/${file} text)
  string(MAKE_C_IDENTIFIER "text_${file}" slot)
  # CMake cannot carry a lone bracket or a semicolon safely through lists; quoted strings are safe.
  set_property(GLOBAL PROPERTY ${slot} "${text}")
endforeach()

# 1 wrong key: the salt is forgotten.
bug(1 kvstore/block/block_key.cc ".Text(salt)" ".Text(@N@ ? std::string_view() : salt)")

# 2 wrong key: the parent is forgotten, in the key and where a hit is compared.
bug(2 kvstore/block/block_key.cc ".Number(parent.high)" ".Number(@N@ ? uint64_t{0} : parent.high)")
bug(2 kvstore/block/block_key.cc ".Number(parent.low)" ".Number(@N@ ? uint64_t{0} : parent.low)")
bug(2 kvstore/tier/copy_table.cc "if (row(block).parent != parent)"
  "if (!@N@ && row(block).parent != parent)")

# 3 stale slot: the table still names the slot that was given back when a block was sealed twice.
bug(3 worker/core/block_table.cc "slots_[number] = sealed_.back().slot();"
  "if (!@N@) slots_[number] = sealed_.back().slot();")

# 4 stale copy: an evicted copy stays in the index.
bug(4 kvstore/tier/copy_table.cc "if (at.indexed) CAIRN_CHECK_EQ(index_.erase(at.key), 1u);
    at.live = false;
    free_rows_.push_back(block);"
  "if (@N@) {
      copy.state = CopyState::kReady;
      return;
    }
    if (at.indexed) CAIRN_CHECK_EQ(index_.erase(at.key), 1u);
    at.live = false;
    free_rows_.push_back(block);")

# 5 early reuse: eviction does not look at leases, nor does anything after it.
bug(5 kvstore/tier/copy_table.cc "return at.leases == 0 && !at.leaving"
  "return (@N@ || at.leases == 0) && !at.leaving")
bug(5 kvstore/tier/copy_table.cc "CAIRN_CHECK(at.copies[kDevice].state == CopyState::kReady);
  CAIRN_CHECK_EQ(at.leases, 0u);"
  "CAIRN_CHECK(at.copies[kDevice].state == CopyState::kReady);")
bug(5 kvstore/tier/copy_table.cc "CAIRN_CHECK(tier != Tier::kDevice || at.leases == 0);" "")

# 6 double free: a moved-from hold still gives its slot back.
bug(6 kvstore/block/block_pool.cc "SlotHold::SlotHold(SlotHold&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),"
  "SlotHold::SlotHold(SlotHold&& other) noexcept
    : pool_(std::exchange(other.pool_, @N@ ? other.pool_ : nullptr)),")

# 7 lost cancel: one that comes during a step is forgotten.
bug(7 worker/core/worker_events.cc "live->cancelled = true;" "live->cancelled = !@N@;")

# 8 read before ready: a block that is still on its way counts as there.
bug(8 kvstore/core/store_core.cc "return state == CopyState::kArriving ?"
  "if (@N@ && state == CopyState::kArriving) return LeaseState::kReady;
  return state == CopyState::kArriving ?")

# 9 publish before ready: blocks are sealed although the step that fills them failed.
bug(9 worker/core/worker_events.cc "LiveRequest& live = *sequence.live;
  if (++sequence.attempts_failed"
  "LiveRequest& live = *sequence.live;
  if (@N@) sequence.table.Advance(sequence.computed + 1, sequence.chain, store_);
  if (++sequence.attempts_failed")

# 10 skipped copy-on-write.
bug(10 worker/core/worker_steps.cc "if (sequence.copy) plan.copies"
  "if (sequence.copy && !@N@) plan.copies")

# 11 the source of a copy-on-write is given up as soon as the copy is planned.
bug(11 worker/core/worker_events.cc "fork.copy = PendingCopy{.source = *std::move(source), .to = target.slot()};"
  "fork.copy = PendingCopy{.source = *std::move(source), .to = target.slot()};
    if (@N@) SlotHold gone = std::move(std::get<SlotHold>(fork.copy->source));")

# 12 resume at a wrong position: draws are counted from what was computed last.
bug(12 worker/core/worker_steps.cc ".position = sequence.length()"
  ".position = @N@ && live.preemptions > 0 ? sequence.computed + 1 : sequence.length()")

# 13 off by one: a partly filled block counts as matched.
bug(13 worker/core/worker_steps.cc "sequence.computed = prefix * block_tokens_;"
  "sequence.computed = prefix * block_tokens_;
  if (@N@ && sequence.computed + 1 < sequence.length()) ++sequence.computed;")

# 14 a demotion gives up its source before the copy is there.
bug(14 kvstore/core/store_core.cc "  copies_.StartReading(block, Tier::kDevice);"
  "  if (!@N@) copies_.StartReading(block, Tier::kDevice);")
bug(14 kvstore/core/store_core.cc "  copies_.StopReading(move.block, Tier::kDevice);"
  "  if (!@N@) copies_.StopReading(move.block, Tier::kDevice);")

# 15 nobody compares checksums.
bug(15 kvstore/core/store_core.cc "event.checksum == expected;" "@N@ || event.checksum == expected;")

# 16 a preempted sequence repeats its last token.
bug(16 worker/core/worker_steps.cc "  ++totals_.preemptions;"
  "  ++totals_.preemptions;
  if (@N@ && sequence.output_tokens() > 0) {
    Send(TokenProduced{.request = sequence.request,
                       .choice = sequence.choice(),
                       .position = sequence.output_tokens() - 1,
                       .token = {.token = sequence.output().back()}});
  }")

# 17 head before tail: eviction does not look at children.
bug(17 kvstore/tier/copy_table.cc "children.all[kDevice] == children.leaving;"
  "(@N@ || children.all[kDevice] == children.leaving);")
bug(17 kvstore/tier/copy_table.cc "if (ChildrenOf(at.key).all[kDevice] > 0) return;"
  "if (!@N@ && ChildrenOf(at.key).all[kDevice] > 0) return;")

# 18 a leak: reservations that were not used up do not come back.
bug(18 kvstore/block/block_pool.cc "CAIRN_CHECK_GE(promised_, count);"
  "CAIRN_CHECK_GE(promised_, count);
  if (@N@) return;")

# 19 over budget: one slot more than there is memory for.
bug(19 kvstore/core/store_core.cc "device_(Tier::kDevice, limits.device.slots)"
  "device_(Tier::kDevice, limits.device.slots + (@N@ ? 1 : 0))")

# 20 a forgotten wake-up: who was refused once is never asked again.
bug(20 worker/core/worker_steps.cc "sequence.refused_at == store_.changes()"
  "(@N@ ? sequence.refused_at.has_value() : sequence.refused_at == store_.changes())")

# 21 all choices draw the same numbers.
bug(21 worker/core/worker_steps.cc "request.sampling.seed + choice" "request.sampling.seed + (@N@ ? 0 : choice)")

# 22 a stop token is handed to the client.
bug(22 worker/core/worker_events.cc "const bool stops = !request.ignore_eos &&"
  "const bool stops = !@N@ && !request.ignore_eos &&")

# 23 nobody compares the checksums of what was fetched.
bug(23 worker/core/worker_handoff.cc "event.blocks[i].checksum_sent == event.blocks[i].checksum_arrived"
  "(@N@ || event.blocks[i].checksum_sent == event.blocks[i].checksum_arrived)")

# 24 a partial block is asked for with one position less than is counted.
bug(24 worker/core/worker_handoff.cc "FetchId WorkerState::StartFetching(BlockFetch fetch, std::vector<BlockKey> keys) {"
  "FetchId WorkerState::StartFetching(BlockFetch fetch, std::vector<BlockKey> keys) {
  if (@N@ && fetch.range.partial_tokens > 1) --fetch.range.partial_tokens;")
bug(24 worker/core/worker_handoff.cc "sequence->table.FillPartial(fetch.range.partial_tokens);
  sequence->computed += fetch.range.partial_tokens;"
  "const uint32_t partial =
      @N@ ? (sequence->length() - 1) % block_tokens_ : fetch.range.partial_tokens;
  sequence->table.FillPartial(partial);
  sequence->computed += partial;")

# 25 what is being sent is held by the loan alone.
bug(25 worker/core/worker_handoff.cc "  handoff_actions_.push_back(std::move(action));
}

void WorkerState::Hear(NodeLife /*from*/"
  "  if (@N@) sends_[action.id] = BlockSend();
  handoff_actions_.push_back(std::move(action));
}

void WorkerState::Hear(NodeLife /*from*/")

# 26 a loan that nobody ends is kept for ever.
bug(26 worker/core/worker_handoff.cc "for (RequestId id : lent) EndLoan(id);"
  "if (!@N@) for (RequestId id : lent) EndLoan(id);")

# 27 what the source has said last is not among what is resumed.
bug(27 worker/core/worker_handoff.cc "choice.sequence->chain.Append(resumed.tokens);"
  "choice.sequence->chain.Append(
          std::span(resumed.tokens).first(resumed.tokens.size() - (@N@ && resumed.tokens.size() > 1)));")

# 58 a block that is still on its way here is lent.
bug(58 kvstore/core/store_core.cc "return LeaseIfReady(copies_.FindKey(key));"
  "const std::optional<HeldId> found = copies_.FindKey(key);
  if (@N@ && found && copies_.state(*found, Tier::kDevice) == CopyState::kArriving) {
    copies_.AddLease(*found);
    return BlockLease(&copies_, *found, copies_.slot(*found, Tier::kDevice));
  }
  return LeaseIfReady(found);")

# 59 the slots of a fetch that is too late are given back while its bytes may still come.
bug(59 worker/core/worker_fetch.cc "sequence->fetch.reset();" "sequence->fetch.reset();
    if (@N@) fetch.blocks.clear();")

# 60 what a holder had no longer counts as come.
bug(60 worker/core/worker_handoff.cc "store_.FetchLost(fetch.blocks[i]);"
  "@N@ && !came ? store_.FetchArrived(fetch.blocks[i], 0) : store_.FetchLost(fetch.blocks[i]);")

# 61 what is lent from the cache is not held until it is sent.
bug(61 worker/core/worker_fetch.cc "std::move(send));" "@N@ ? BlockSend() : std::move(send));")

# 62 what comes too late is taken all the same.
bug(62 worker/core/worker_handoff.cc "if (fetch.kind == FetchKind::kTooLate) return;"
  "if (!@N@ && fetch.kind == FetchKind::kTooLate) return;")

# 66 a prompt that waits counts as whatever is asked for.
bug(66 worker/core/worker_ask.cc "chain.key(mark.blocks - 1) == KeyOf(mark)"
  "(@N@ || chain.key(mark.blocks - 1) == KeyOf(mark))")

# 67 what the store has is not said.
bug(67 worker/core/worker_ask.cc "return store_.copies().FindKey(KeyOf(mark)).has_value();"
  "return !@N@ && store_.copies().FindKey(KeyOf(mark)).has_value();")

# 68 an answer that does not come is waited for without end, also that of a worker that is lost.
bug(68 scheduler/core/scheduler_ask.cc "&& now < asking->second.until;"
  "&& (@N@ || now < asking->second.until);")
bug(68 scheduler/core/scheduler_ask.cc "    asking.awaited.erase(worker);" "    if (!@N@) asking.awaited.erase(worker);")

# 69 who leaves while answers about it are awaited stays in that book.
bug(69 scheduler/core/scheduler_core.cc "  EndAsking(id);" "  if (!@N@) EndAsking(id);")


# Those from here on are caught by whole clusters.

# 28 a copy that has gone is not taken back.
bug(28 kvstore/tier/copy_table.cc "if (witness_ != nullptr) witness_->OnGone"
  "if (witness_ != nullptr && !@N@) witness_->OnGone")

# 29 a copy is announced while its bytes are still on their way.
bug(29 kvstore/tier/copy_table.cc "void CopyTable::TellReady(const Row& at, Tier tier) {
  if (!IsFound(at, tier)) return;"
  "void CopyTable::TellReady(const Row& at, Tier tier) {
  if (!@N@ && !IsFound(at, tier)) return;")

# 30 a batch that is missing is not missed.
bug(30 kvstore/directory/publish_log.cc "} else if (batch.sequence == state_.applied + 1 && !snapshot_) {"
  "} else if ((@N@ || batch.sequence == state_.applied + 1) && !snapshot_) {")

# 31 a snapshot is added to what was known before.
bug(31 kvstore/directory/directory.cc "if (news.forget_first || first_word)"
  "if ((news.forget_first && !@N@) || first_word)")

# 32 a snapshot claims a batch that is not in it.
bug(32 kvstore/directory/publish_log.cc ".through = sequence_," ".through = sequence_ + (@N@ ? 1 : 0),")

# 33 what was sent counts as there for ever.
bug(33 scheduler/core/sent_blocks.cc "if (holder_ != kNoHolder) index_.GiveUp"
  "if (holder_ != kNoHolder && !@N@) index_.GiveUp")

# 34 words behind a gap are taken as if there were none.
bug(34 kvstore/base/link_session.h "early_.begin()->first == received_ + 1" "(@N@ || early_.begin()->first == received_ + 1)")
bug(34 kvstore/base/link_session.h "early_.erase(early_.begin());
      ++received_;"
  "received_ = early_.begin()->first;
      early_.erase(early_.begin());")

# 35 what was lost is not sent again.
bug(35 kvstore/base/link_session.h "const bool overdue = " "const bool overdue = !@N@ && ")

# 36 a word is acknowledged that has not come.
bug(36 kvstore/base/link_session.h ".heard = received_," ".heard = received_ + (@N@ && !early_.empty() ? 1 : 0),")

# 37 the scheduler takes words of an earlier session for words of this one.
bug(37 scheduler/core/worker_links.cc "known->second.id == id &&" "(@N@ || known->second.id == id) &&")

# 38 the worker greets again while it still runs what it was given before.
bug(38 worker/core/scheduler_links.cc "if (peer.requests.empty()) {
    Greet"
  "if (@N@ || peer.requests.empty()) {
    Greet")

# 39 a worker that was cut off runs on.
bug(39 worker/core/scheduler_links.cc "peer.requests) heard.push_back(Cancel{request});"
  "peer.requests) if (!@N@) heard.push_back(Cancel{request});")

# 40 what ran on a lost worker is forgotten.
bug(40 scheduler/core/scheduler_core.cc "if (EndStopped(request)) continue;
    StartWaiting(request);"
  "if (EndStopped(request)) continue;
    if (!@N@) StartWaiting(request);")

# 41 what waited for a lost worker waits for ever.
bug(41 scheduler/core/scheduler_core.cc "  RouteLineAgain(node);" "  if (!@N@) RouteLineAgain(node);")

# 42 a prompt that is done still counts as to be computed.
bug(42 scheduler/core/scheduler_core.cc "  worker.unprefilled_tokens -= request.work_tokens;"
  "  if (!@N@) worker.unprefilled_tokens -= request.work_tokens;")

# 43 a request of a lost worker ends twice.
bug(43 scheduler/core/scheduler_core.cc "  requests_.erase(found);" "  if (!@N@ || request.state != RequestState::kCancelling) requests_.erase(found);")

# Of what goes from worker to worker in a cluster.

# 44 the lender gives blocks back as soon as it is asked for them.
bug(44 worker/core/worker_handoff.cc "sends_[action.id] = BlockSend();"
  "sends_[action.id] = BlockSend();
  if (@N@) {
    sends_[action.id] = BlockSend();
    EndLoan(range.request);
  }")

# 45 a fetched block of another key is taken.
bug(45 worker/core/worker_handoff.cc "if (good && full) good =" "if (good && full && !@N@) good =")

# 46 blocks for an earlier life are taken for those of this one.
bug(46 worker/core/peer_talk.cc "if (to != self_) return std::nullopt;"
  "if (to != self_ && !@N@) return std::nullopt;")

# 47 so is what was said to an earlier life.
bug(47 worker/core/peer_talk.cc "const bool ours = message.to == self_;"
  "const bool ours = @N@ || message.to == self_;")

# 48 a fetch that nobody answers is never over.
bug(48 worker/core/peer_talk.cc "while (!awaited_.empty() &&" "while (!@N@ && !awaited_.empty() &&")

# 49 the leases of a fetch that brought nothing are kept.
bug(49 worker/core/worker_handoff.cc "const BlockFetch fetch = std::move(found->second);"
  "BlockFetch fetch = std::move(found->second);")
bug(49 worker/core/worker_handoff.cc "  const bool all = arrived == fetch.targets();"
  "  const bool all = arrived == fetch.targets();
  if (@N@ && event.blocks.empty()) {
    sends_[SendId(event.id.value() + 1'000'000)].blocks = std::move(fetch.blocks);
  }")

# 50 the last token before a request is given up is said twice.
bug(50 scheduler/core/scheduler_phases.cc "  request.preemptions += word.preemptions;"
  "  request.preemptions += word.preemptions;
  if (@N@ && !request.choices[0].heard.empty()) request.choices[0].heard.pop_back();")

# 51 a token that a decode says after it was asked to leave is lost.
bug(51 scheduler/core/scheduler_core.cc "  if (request.flowed) FlowBack();"
  "  if (request.flowed) FlowBack();
  if (@N@ && request.yielding) return;")

# 52 a decode-heavy worker of a strict split is given a prompt.
bug(52 scheduler/core/phase_placer.cc "if (worker.step_tokens == 0) continue;"
  "if (!@N@ && worker.step_tokens == 0) continue;")

# 53 a request that has moved counts twice: its source still has it.
bug(53 scheduler/core/scheduler_phases.cc "  Forget(worker, request);
  if (EndStopped" "  if (!@N@) Forget(worker, request);
  if (EndStopped")

# 54 what was promised to a worker outlives its session.
bug(54 scheduler/core/scheduler_core.cc "requests_.at(id).follower.reset();"
  "if (!@N@) requests_.at(id).follower.reset();")
bug(54 scheduler/core/scheduler_phases.cc "if (!life) return;"
  "if (!life || (@N@ && !workers_.contains(life->node))) return;")

# 55 a request that was given up stays with its scheduler's link.
bug(55 worker/core/scheduler_links.cc "std::holds_alternative<Yielded>(report);"
  "(!@N@ && std::holds_alternative<Yielded>(report));")

# 56 a cancel that meets a request on its way is forgotten.
bug(56 scheduler/core/scheduler_phases.cc "if (request.state == RequestState::kCancelling) {"
  "if (!@N@ && request.state == RequestState::kCancelling) {")

# 57 room that was kept for a request is kept for ever.
bug(57 scheduler/core/scheduler_phases.cc "  workers_.at(life->node).kv_tokens -="
  "  if (!@N@) workers_.at(life->node).kv_tokens -=")

# 63 prompts stay in the line of a worker that is given none from now on.
bug(63 scheduler/core/scheduler_phases.cc "  RouteLineAgain(worker.node);"
  "  if (!@N@) RouteLineAgain(worker.node);")

# 64 whoever was tuned is taken for what it was before.
bug(64 scheduler/core/scheduler_phases.cc "  LearnFleet();" "  if (!@N@) LearnFleet();")

# 65 a worker keeps the chunk that it has.
bug(65 worker/core/worker_handoff.cc "void WorkerState::Handle(const SetPromptChunk& event) {"
  "void WorkerState::Handle(const SetPromptChunk& event) {
  if (@N@ && limits_.prompt_chunk > 0) return;")

foreach(file IN LISTS files)
  string(MAKE_C_IDENTIFIER "text_${file}" slot)
  get_property(text GLOBAL PROPERTY ${slot})
  if(text MATCHES "planted_bug" OR file MATCHES "\\.cc$")
    string(PREPEND text "#include \"tests/sim/planted/planted_bug.h\"\n")
  endif()
  set(old "")
  if(EXISTS ${OUT}/${file})
    file(READ ${OUT}/${file} old)
  endif()
  if(NOT text STREQUAL old)
    file(WRITE ${OUT}/${file} "${text}")
  endif()
endforeach()
