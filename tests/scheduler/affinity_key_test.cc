#include "scheduler/core/affinity_key.h"

#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

using Chain = std::vector<BlockKey>;

// A prompt whose first `shared` blocks are those of `family`.
Chain Prompt(uint64_t family, size_t shared, uint64_t id, size_t blocks) {
  Chain chain;
  for (size_t block = 0; block < blocks; ++block) {
    chain.push_back(block < shared ? BlockKey{family, block} : BlockKey{1'000'000 + id, block});
  }
  return chain;
}

TEST_CASE("a prefix that nobody makes hot decides with its first stride") {
  AffinityKeys keys({.stride_blocks = 4});
  const Chain chain = Prompt(1, 10, 1, 20);
  CHECK(keys.Observe(chain, 16) == chain[3]);
  CHECK(keys.DepthOf(chain) == 1);
  const Chain brief = Prompt(2, 3, 2, 3);
  CHECK(keys.Observe(brief, 16) == brief[2]);  // shorter than a stride: all of it
}

TEST_CASE("a prefix that everybody shares is skipped as soon as enough was seen") {
  AffinityKeys keys({.stride_blocks = 1});
  std::set<BlockKey> chosen;
  for (uint64_t id = 0; id < 60; ++id) chosen.insert(keys.Observe(Prompt(1, 1, id, 8), 16));
  CHECK(chosen.size() > 35);
  CHECK(keys.DepthOf(Prompt(1, 1, 999, 8)) == 2);
}

TEST_CASE(
    "a hot prefix of many strides gets longer keys until its descendants part, others do not") {
  Prng prng(5);
  AffinityKeys keys({.stride_blocks = 1});
  std::set<BlockKey> late;
  for (uint64_t id = 0; id < 3000; ++id) {
    const bool hot = prng.Chance(0.3);  // 16 workers: hot above an eighth
    const Chain chain = hot ? Prompt(1, 12, id, 20) : Prompt(100 + id, 12, id, 20);
    const BlockKey key = keys.Observe(chain, 16);
    if (hot && id >= 1500) late.insert(key);
    if (!hot) REQUIRE(key == chain[0]);
  }
  CHECK(keys.DepthOf(Prompt(1, 12, 9999, 20)) == 13);
  CHECK(late.size() > 300);  // each a key of its own
}

TEST_CASE("a prefix with less traffic than its two homes can serve keeps its key") {
  Prng prng(6);
  AffinityKeys keys({.stride_blocks = 1});
  for (uint64_t id = 0; id < 3000; ++id) {
    const bool warm = prng.Chance(0.05);  // 16 workers: hot above 0.125
    keys.Observe(warm ? Prompt(1, 5, id, 9) : Prompt(100 + id, 5, id, 9), 16);
  }
  CHECK(keys.DepthOf(Prompt(1, 5, 9999, 9)) == 1);
}

TEST_CASE("a split prefix stays split while it is hot and is joined again when it has cooled") {
  AffinityKeys keys({.stride_blocks = 1});
  const auto ask = [&keys](uint64_t family, uint64_t id) {
    keys.Observe(Prompt(family, 2, id, 6), 16);
    return keys.DepthOf(Prompt(1, 2, 0, 6));
  };
  uint64_t id = 1;
  for (; id < 300; ++id) ask(id % 3 == 0 ? 1 : 100 + id, id);
  REQUIRE(keys.DepthOf(Prompt(1, 2, 0, 6)) == 3);
  for (; id < 2000; ++id) REQUIRE(ask(id % 3 == 0 ? 1 : 100 + id, id) == 3);
  for (; id < 2400; ++id) ask(100 + id, id);  // nobody asks for it
  CHECK(ask(1, id) < 3);                      // the next who does finds it cold
}

TEST_CASE("asking for a key counts nothing") {
  AffinityKeys keys({.stride_blocks = 1});
  for (uint64_t id = 0; id < 500; ++id) keys.Observe(Prompt(100 + id, 2, id, 6), 16);
  for (uint64_t id = 0; id < 500; ++id) (void)keys.Find(Prompt(1, 2, id, 6));
  CHECK(keys.DepthOf(Prompt(1, 2, 0, 6)) == 1);
  CHECK(keys.Find(Prompt(1, 2, 0, 6)) == Prompt(1, 2, 0, 6)[0]);
}

TEST_CASE("the hot prefixes that are remembered are bounded") {
  AffinityKeys keys({.stride_blocks = 1, .lengthened_max = 3});
  for (uint64_t family = 1; family <= 6; ++family) {
    for (uint64_t id = 0; id < 200; ++id)
      keys.Observe(Prompt(family, 1, family * 1000 + id, 3), 16);
  }
  CHECK(keys.DepthOf(Prompt(6, 1, 1, 3)) == 2);
  CHECK(keys.DepthOf(Prompt(1, 1, 1, 3)) == 1);
}

TEST_CASE("a window with too many prefixes gets shorter, not larger") {
  PrefixTraffic traffic(100);
  for (uint64_t id = 0; id < 1000; ++id) {
    const Chain chain = Prompt(id, 30, id, 30);
    traffic.Note(chain, 200);
  }
  CHECK(traffic.requests() == 3);
  CHECK(traffic.count(Prompt(999, 30, 0, 30)[0]) == 1);
  CHECK(traffic.count(Prompt(1, 30, 0, 30)[0]) == 0);
}

}  // namespace
}  // namespace cairn
