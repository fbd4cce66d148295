#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "tests/worker/worker_house.h"

namespace cairn {
namespace {

const NodeLife kTarget{NodeId(1), Epoch(1)};
const NodeLife kHolder{NodeId(2), Epoch(7)};

// A request of `prompt` tokens whose first so many blocks another worker has.
Assign HeldElsewhere(uint64_t id, int prompt, uint32_t blocks, Duration wait = Milliseconds(50)) {
  return Assign{.request = Worker::Request(id, prompt, 1),
                .holder = PrefixHolder{.life = kHolder, .blocks = blocks, .wait = wait}};
}

BlocksAsked QuestionOf(const StartFetch& fetch) {
  return {.from = kTarget, .fetch = fetch.id, .range = fetch.range, .keys = fetch.keys};
}

// What the worker asks a holder for when it is given the request.
StartFetch AskedBy(Worker& target, const Assign& assign) {
  target.Tell(assign);
  target.Act();
  return target.ToPeer<StartFetch>();
}

// What the holder sends to who asks for that.
SendBlocks LentBy(Worker& holder, const StartFetch& fetch) {
  holder.Tell(QuestionOf(fetch));
  holder.Act();
  return holder.ToPeer<SendBlocks>();
}

// What a wire would bring of `send`, undamaged.
FetchFinished Brought(const SendBlocks& send) {
  FetchFinished finished{.id = send.fetch, .blocks = {}};
  for (const BlockKey& key : send.keys) finished.blocks.push_back({.key = key});
  return finished;
}

// All that was asked for, undamaged. (For a fetch of a whole head.)
FetchFinished AllOf(const StartFetch& fetch) {
  FetchFinished finished{.id = fetch.id, .blocks = {}};
  for (const BlockKey& key : fetch.keys) finished.blocks.push_back({.key = key});
  return finished;
}

// Computes a prompt of so many tokens, and keeps its blocks.
void Warm(Worker& worker, int prompt) {
  worker.Assign(Worker::Request(100, prompt, 1));
  worker.RunAll();
}

uint32_t TokensInStep(const Worker& worker) {
  uint32_t tokens = 0;
  for (const StepSpan& span : worker.step->spans)
    tokens += static_cast<uint32_t>(span.tokens.size());
  return tokens;
}

TEST_CASE("what another worker has of a prompt comes from there, and only the rest is computed") {
  Worker target;
  const StartFetch fetch = AskedBy(target, HeldElsewhere(1, 30, 6));
  CHECK_FALSE(target.step.has_value());
  CHECK(target.core.load().prefill_tokens_left == 6);
  CHECK(fetch.source == kHolder);
  CHECK(fetch.range.first == 0);
  CHECK(fetch.range.partial_tokens == 0);
  REQUIRE(fetch.keys.size() == 6);

  Worker holder;
  Warm(holder, 30);
  const SendBlocks send = LentBy(holder, fetch);
  CHECK(send.to == kTarget);
  CHECK(send.keys == fetch.keys);
  CHECK(send.slots.size() == 6);
  CHECK_FALSE(holder.core.idle());
  holder.Tell(BlocksSent{send.id});
  CHECK(holder.core.idle());
  CHECK(holder.core.prefix_fetches().blocks_lent == 6);

  target.Tell(Brought(send));
  target.Act();
  REQUIRE(target.step.has_value());
  CHECK(TokensInStep(target) == 6);
  target.RunAll();
  CHECK(target.usage.at(RequestId(1)).fetched_tokens == 24);
  CHECK(target.usage.at(RequestId(1)).cached_device_tokens == 0);
  CHECK(target.ReasonOf(1) == FinishReason::kLength);
  // From now on it is cached here.
  target.Assign(Worker::Request(2, 30, 1));
  target.RunAll();
  CHECK(target.usage.at(RequestId(2)).cached_device_tokens >= 24);
  CHECK(target.to_peers.empty());
}

TEST_CASE("whoever wants the same prefix meanwhile waits for the one fetch") {
  Worker target;
  target.Tell(HeldElsewhere(1, 30, 6));
  target.Tell(HeldElsewhere(2, 30, 6));
  target.Assign(Worker::Request(3, 27, 1));  // and one whose scheduler knows of no holder
  const auto fetch = target.ToPeer<StartFetch>();
  CHECK_FALSE(target.step.has_value());
  target.Tell(AllOf(fetch));
  target.Act();
  target.RunAll();
  CHECK(target.usage.at(RequestId(1)).fetched_tokens == 24);
  CHECK(target.usage.at(RequestId(2)).fetched_tokens == 0);
  CHECK(target.usage.at(RequestId(2)).cached_device_tokens >= 24);
  CHECK(target.usage.at(RequestId(3)).cached_device_tokens == 24);
  CHECK(target.core.prefix_fetches().fetches == 1);
}

TEST_CASE("only what is missing is asked for") {
  Worker target;
  Warm(target, 14);  // three blocks
  const StartFetch fetch = AskedBy(target, HeldElsewhere(1, 30, 5));
  CHECK(fetch.range.first == 3);
  CHECK(fetch.range.blocks == 2);
  CHECK(fetch.targets.size() == 2);
  Worker holder;
  Warm(holder, 30);
  const SendBlocks send = LentBy(holder, fetch);
  CHECK(send.range.first == 3);
  CHECK(send.slots.size() == 2);
  target.Tell(Brought(send));
  target.Act();
  REQUIRE(target.step.has_value());
  CHECK(target.step->spans[0].first_position == 20);
  target.RunAll();
  CHECK(target.usage.at(RequestId(1)).fetched_tokens == 8);
  CHECK(target.usage.at(RequestId(1)).cached_device_tokens == 12);
  target.Tell(HeldElsewhere(2, 14, 3));  // all of it is here
  target.Act();
  CHECK(target.to_peers.empty());
}

TEST_CASE("a holder that has it no longer is a miss, and says so") {
  Worker holder;
  Warm(holder, 14);
  Worker target;
  const StartFetch fetch = AskedBy(target, HeldElsewhere(1, 30, 6));
  const SendBlocks send = LentBy(holder, fetch);
  CHECK(send.range.blocks == 3);  // what it has
  CHECK(holder.core.prefix_fetches().blocks_absent == 3);
  target.Tell(Brought(send));
  target.Act();
  REQUIRE(target.step.has_value());
  CHECK(target.step->spans[0].first_position == 12);
  target.RunAll();
  CHECK(target.usage.at(RequestId(1)).fetched_tokens == 12);
  CHECK(target.usage.at(RequestId(1)).cached_device_tokens == 0);

  Worker empty;
  empty.Tell(QuestionOf(fetch));
  empty.Act();
  CHECK(empty.ToPeer<RefuseBlocks>().fetch == fetch.id);
  CHECK(empty.core.prefix_fetches().blocks_absent == 6);
}

TEST_CASE("a lender without a chain's head has nothing of it, and odd questions are refused") {
  Worker holder;
  Warm(holder, 30);
  BlocksAsked question{.from = kTarget, .fetch = FetchId(1), .range = {}, .keys = {}};
  question.range.blocks = 2;
  question.keys = {BlockKey{1, 2}, BlockKey{3, 4}};
  holder.Tell(question);
  holder.Act();
  CHECK(holder.ToPeer<RefuseBlocks>().fetch == FetchId(1));
  question.range.blocks = 7;  // of two keys
  holder.Tell(question);
  holder.Act();
  CHECK(holder.ToPeer<RefuseBlocks>().fetch == FetchId(1));
  CHECK(holder.core.idle());
}

TEST_CASE("nothing that comes, or something else, is computed") {
  for (const bool damaged : {false, true}) {
    CAPTURE(damaged);
    Worker target;
    target.Tell(HeldElsewhere(1, 30, 6));
    target.Act();
    const auto fetch = target.ToPeer<StartFetch>();
    FetchFinished finished{.id = fetch.id, .blocks = {}};
    if (damaged) {
      finished = AllOf(fetch);
      finished.blocks[2].checksum_arrived = 99;
      std::swap(finished.blocks[4].key, finished.blocks[5].key);
    }
    target.Tell(finished);
    target.Act();
    REQUIRE(target.step.has_value());
    CHECK(target.step->spans[0].first_position == (damaged ? 8 : 0));
    target.RunAll();
    CHECK(target.to_peers.empty());  // it is not asked for again
    CHECK(target.core.load().checksum_failures == (damaged ? 3 : 0));
    CHECK(target.ReasonOf(1) == FinishReason::kLength);
  }
}

TEST_CASE("a fetch that takes longer than computing would is given up, and nothing is mixed up") {
  Worker target;
  target.Tell(HeldElsewhere(1, 30, 6, Milliseconds(50)));
  target.Assign(Worker::Request(2, 27, 1));  // waits for the same blocks
  const auto fetch = target.ToPeer<StartFetch>();
  REQUIRE(target.core.NextDeadline() == target.now + Milliseconds(50));
  target.now = *target.core.NextDeadline();
  target.core.Tick(target.now);
  target.Act();
  REQUIRE(target.step.has_value());
  for (const StepSpan& span : target.step->spans) {
    for (const SlotIndex slot : span.table) CHECK(std::ranges::count(fetch.targets, slot) == 0);
  }
  while (target.step) target.FinishStep();
  CHECK(target.ended.size() == 2);
  CHECK_FALSE(target.core.idle());  // the bytes may still come, so their slots are kept
  target.Tell(AllOf(fetch));
  target.core.store().Audit();
  CHECK(target.core.idle());
  CHECK(target.core.prefix_fetches().blocks_late == 6);
  CHECK(target.core.prefix_fetches().blocks_arrived == 0);
  CHECK(target.usage.at(RequestId(1)).fetched_tokens == 0);
}

TEST_CASE("a request that is cancelled meanwhile leaves its blocks to whoever comes next") {
  Worker target;
  const StartFetch fetch = AskedBy(target, HeldElsewhere(1, 30, 6));
  target.Tell(Cancel{RequestId(1)});
  target.Act();
  CHECK(target.ReasonOf(1) == FinishReason::kCancelled);
  target.Tell(AllOf(fetch));
  CHECK(target.core.idle());
  target.Assign(Worker::Request(2, 30, 1));
  target.RunAll();
  CHECK(target.usage.at(RequestId(2)).cached_device_tokens == 24);
}

TEST_CASE("a block that is still on its way here is not lent") {
  Worker both;
  const StartFetch fetch = AskedBy(both, HeldElsewhere(1, 30, 6));
  both.Tell(QuestionOf(fetch));
  both.Act();
  CHECK(both.ToPeer<RefuseBlocks>().fetch == fetch.id);
}

TEST_CASE("what is being lent is not evicted") {
  Worker holder(8);
  Warm(holder, 30);
  Worker target;
  const StartFetch fetch = AskedBy(target, HeldElsewhere(1, 30, 7));
  const SendBlocks send = LentBy(holder, fetch);
  holder.Assign(Worker::Request(101, 12, 1, 50));  // needs three of eight slots; seven are lent
  CHECK_FALSE(holder.step.has_value());
  holder.Tell(BlocksSent{send.id});
  holder.Act();
  REQUIRE(holder.step.has_value());
  holder.RunAll();
}

TEST_CASE("beyond the limits blocks are computed, and lent to nobody") {
  WorkerLimits limits = Worker::Limits();
  limits.fetches_max = 1;
  limits.fetched_blocks_max = 4;
  limits.lends_max = 1;
  limits.lent_blocks_max = 3;
  Worker target(64, 0, limits);
  const StartFetch fetch = AskedBy(target, HeldElsewhere(1, 30, 6));
  CHECK(fetch.keys.size() == 4);
  Assign other = HeldElsewhere(2, 20, 4);
  std::ranges::reverse(other.request.prompt);
  target.Tell(other);
  target.Act();
  CHECK(target.to_peers.empty());
  REQUIRE(target.step.has_value());  // the second one is computed at once

  Worker holder(64, 0, limits);
  Warm(holder, 30);
  const SendBlocks send = LentBy(holder, fetch);
  CHECK(send.range.blocks == 3);
  holder.Tell(QuestionOf(fetch));
  holder.Act();
  (void)holder.ToPeer<RefuseBlocks>();
  CHECK(holder.core.prefix_fetches().blocks_refused == 1 + 4);
  holder.Tell(BlocksSent{send.id});
  CHECK(LentBy(holder, fetch).range.blocks == 3);
}

TEST_CASE("a request that resumes elsewhere fetches its prompt too") {
  Worker target;
  Assign assign = HeldElsewhere(1, 30, 7);
  assign.request.max_tokens = 4;
  assign.resume = {{.tokens = {3, 4}}};
  target.tokens[{RequestId(1), 0}] = 2;
  const StartFetch fetch = AskedBy(target, assign);
  CHECK(fetch.keys.size() == 7);
  target.Tell(AllOf(fetch));
  target.Act();
  REQUIRE(target.step.has_value());
  CHECK(target.step->spans[0].first_position == 28);
  CHECK(target.step->spans[0].tokens.size() == 4);
  target.RunAll();
  CHECK(target.TokensOf(1) == 4);
}

}  // namespace
}  // namespace cairn
