#include "scheduler/core/sent_blocks.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

std::vector<BlockKey> MakeChain(uint64_t id, size_t blocks, size_t shared = 0) {
  std::vector<BlockKey> chain;
  for (size_t block = 0; block < blocks; ++block) chain.push_back({block < shared ? 0 : id, block});
  return chain;
}

struct Desk {
  PrefixIndex index;
  HolderId holder = index.Join();
  SentBlocks sent{index, holder};

  uint32_t Match(const std::vector<BlockKey>& chain) { return index.Match(holder, chain).blocks; }
};

TEST_CASE(
    "a prompt that was sent counts as there, on the device, until the worker's word decides") {
  Desk desk;
  const auto chain = MakeChain(1, 6);
  desk.sent.Send(RequestId(1), chain);
  CHECK(desk.index.Match(desk.holder, chain) == PrefixMatch{6, 6});
  desk.sent.Prefilled(RequestId(1), 4);
  desk.sent.Hear(3);  // about an earlier time
  CHECK(desk.Match(chain) == 6);
  for (uint32_t block = 0; block < 2; ++block) {
    desk.index.Publish(desk.holder, {.key = chain[block], .depth = block});
  }
  desk.sent.Hear(4);
  CHECK(desk.Match(chain) == 2);  // the rest is gone already
  CHECK(desk.sent.blocks_expected() == 0);
  CHECK(desk.index.known(desk.holder) == 2);
}

TEST_CASE("older words do not take away what was sent since") {
  Desk desk;
  const auto chain = MakeChain(1, 3);
  for (uint32_t block = 0; block < 3; ++block) {
    desk.index.Publish(desk.holder, {.key = chain[block], .depth = block});
  }
  desk.sent.Send(RequestId(1), chain);
  for (uint32_t block = 3; block > 0; --block) {
    desk.index.Remove(desk.holder, chain[block - 1], Tier::kDevice);
  }
  CHECK(desk.Match(chain) == 3);
  desk.sent.GiveUp(RequestId(1));  // it was cancelled
  CHECK(desk.Match(chain) == 0);
  CHECK(desk.index.blocks() == 0);
}

TEST_CASE("a head that two prompts share is expected until the last of them is decided") {
  Desk desk;
  const auto one = MakeChain(1, 5, 3), other = MakeChain(2, 5, 3);
  desk.sent.Send(RequestId(1), one);
  desk.sent.Send(RequestId(2), other);
  desk.sent.GiveUp(RequestId(1));
  CHECK(desk.Match(one) == 3);
  CHECK(desk.Match(other) == 5);
  desk.sent.GiveUp(RequestId(2));
  CHECK(desk.Match(other) == 0);
}

TEST_CASE("what is expected outlives a fresh start of what the worker has told") {
  Desk desk;
  const auto one = MakeChain(1, 4), other = MakeChain(2, 3);
  desk.sent.Send(RequestId(1), one);
  desk.sent.Send(RequestId(2), other);
  desk.sent.Prefilled(RequestId(2), 9);
  desk.index.Leave(desk.holder);
  desk.holder = desk.index.Join();
  desk.sent.MoveTo(desk.holder);
  CHECK(desk.Match(one) == 4);
  CHECK(desk.Match(other) == 3);
}

TEST_CASE("against a slow model: expected is what some undecided prompt has, and nothing else") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    Prng prng(seed);
    Desk desk;
    std::map<uint64_t, std::vector<BlockKey>> sent;
    std::multimap<uint64_t, std::vector<BlockKey>> awaited;
    uint64_t batch = 0;
    for (uint64_t id = 1; id <= 120; ++id) {
      sent[id] = MakeChain(prng.Below(8), 1 + prng.Below(6), prng.Below(4));
      desk.sent.Send(RequestId(id), sent[id]);
      const uint64_t other = 1 + prng.Below(id);
      if (sent.contains(other) && prng.Chance(0.7)) {
        if (prng.Chance(0.6)) {
          batch += prng.Below(2);
          desk.sent.Prefilled(RequestId(other), batch);
          awaited.emplace(batch, sent[other]);
        } else {
          desk.sent.GiveUp(RequestId(other));
        }
        sent.erase(other);
      }
      if (prng.Chance(0.3)) {
        const uint64_t applied = prng.Below(batch + 1);
        desk.sent.Hear(applied);
        awaited.erase(awaited.begin(), awaited.upper_bound(applied));
      }
      std::set<BlockKey> expected;
      for (const auto& [_, chain] : sent) expected.insert(chain.begin(), chain.end());
      for (const auto& [_, chain] : awaited) expected.insert(chain.begin(), chain.end());
      REQUIRE(desk.sent.blocks_expected() == expected.size());
      REQUIRE(desk.index.known(desk.holder) == expected.size());
    }
  }
}

}  // namespace
}  // namespace cairn
