#include "kvstore/directory/prefix_index.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

using Chain = std::vector<BlockKey>;

Chain MakeChain(uint64_t id, size_t blocks) {
  Chain chain;
  for (size_t block = 0; block < blocks; ++block) chain.push_back({id, block});
  return chain;
}

void PublishChain(PrefixIndex& index, HolderId holder, const Chain& chain,
                  Tier tier = Tier::kDevice) {
  for (uint32_t block = 0; block < chain.size(); ++block) {
    index.Publish(holder, {.key = chain[block], .depth = block, .tier = tier});
  }
}

TEST_CASE("the longest match of a holder is found for every length of a chain") {
  PrefixIndex index;
  const HolderId holder = index.Join();
  for (size_t length = 0; length <= 70; ++length) {
    const Chain chain = MakeChain(length, 70);
    PublishChain(index, holder, Chain(chain.begin(), chain.begin() + static_cast<long>(length)));
    CHECK(index.Match(holder, chain).blocks == length);
    CHECK(index.Best(chain).blocks == length);
  }
}

TEST_CASE("a match says how much of it is on the device") {
  PrefixIndex index;
  const HolderId holder = index.Join();
  const Chain chain = MakeChain(1, 20);
  PublishChain(index, holder, Chain(chain.begin(), chain.begin() + 8));
  PublishChain(index, holder, chain, Tier::kDram);
  CHECK(index.Match(holder, chain) == PrefixMatch{20, 8});
  for (size_t block = 20; block > 12; --block) index.Remove(holder, chain[block - 1], Tier::kDram);
  CHECK(index.Match(holder, chain) == PrefixMatch{12, 8});
  CHECK(index.known(holder) == 12);
}

TEST_CASE("saying a thing twice holds it once") {
  PrefixIndex index;
  const HolderId holder = index.Join();
  const Chain chain = MakeChain(1, 3);
  PublishChain(index, holder, chain);
  PublishChain(index, holder, chain);
  CHECK(index.known(holder) == 3);
  for (const BlockKey& key : chain) index.Remove(holder, key, Tier::kDevice);
  CHECK(index.blocks() == 0);
  index.Remove(holder, chain[0], Tier::kDevice);
  CHECK(index.known(holder) == 0);
}

TEST_CASE("what a holder has by its word is told from what is expected of it, and tier from tier") {
  PrefixIndex index;
  const Chain chain = MakeChain(1, 10);
  const HolderId said = index.Join(), expected = index.Join(), below = index.Join();
  PublishChain(index, said, Chain(chain.begin(), chain.begin() + 3));
  PublishChain(index, below, Chain(chain.begin(), chain.begin() + 5), Tier::kDram);
  for (uint32_t block = 0; block < 8; ++block) index.Expect(expected, chain[block], block);
  CHECK(index.Best(chain).blocks == 8);
  CHECK(index.Best(chain, kByItsWord).blocks == 5);
  const BestMatch lent = index.Best(chain, MaskOf(Tier::kDevice));
  CHECK(lent.blocks == 3);
  REQUIRE(lent.holders.size() == 1);
  CHECK(lent.holders[0] == said);
  CHECK(index.Match(expected, chain).blocks == 8);
  CHECK(index.Match(expected, chain, kByItsWord) == PrefixMatch{});
  CHECK(index.Match(below, chain, kByItsWord).blocks == 5);
  CHECK(index.Match(below, chain, kByItsWord).device_blocks == 0);
}

TEST_CASE("a block may have a thousand holders, and each of them is told apart") {
  PrefixIndex index;
  const Chain chain = MakeChain(1, 40);
  std::vector<HolderId> holders;
  for (size_t i = 0; i < 1000; ++i) {
    holders.push_back(index.Join());
    const auto length = static_cast<long>(1 + i % 40);
    PublishChain(index, holders[i], Chain(chain.begin(), chain.begin() + length));
  }
  PrefixMatches matches;
  index.MatchAll(chain, matches);
  for (size_t i = 0; i < 1000; ++i) {
    REQUIRE(matches.of(holders[i]).blocks == 1 + i % 40);
    REQUIRE(index.Match(holders[i], chain) == matches.of(holders[i]));
  }
  CHECK(matches.best_blocks() == 40);
  CHECK(index.Best(chain).holders.size() == 25);
  for (size_t i = 0; i < 1000; ++i) {
    for (size_t block = 1 + i % 40; block > 0; --block) {
      index.Remove(holders[i], chain[block - 1], Tier::kDevice);
    }
  }
  CHECK(index.blocks() == 0);
}

TEST_CASE("a holder that leaves is ignored at once and cleared away bit by bit") {
  PrefixIndex index;
  const HolderId gone = index.Join(), stays = index.Join();
  for (uint64_t id = 0; id < 100; ++id) PublishChain(index, gone, MakeChain(id, 50));
  for (uint64_t id = 0; id < 50; ++id) PublishChain(index, stays, MakeChain(id, 20));
  index.Leave(gone);
  CHECK(index.Match(gone, MakeChain(7, 50)) == PrefixMatch{});
  CHECK(index.Best(MakeChain(7, 50)).blocks == 20);
  CHECK(index.leaving() == 1);
  CHECK(index.blocks() == 5000);  // leaving took no walk
  index.Sweep(uint64_t{64} << 20);
  CHECK(index.leaving() == 0);
  CHECK(index.blocks() == 1000);
  CHECK(index.Join() == gone);  // its number is free again
}

TEST_CASE("clearing keeps pace with changes, without being asked") {
  PrefixIndex index({.bytes_max = 1 << 16});
  for (int life = 0; life < 20'000; ++life) {
    const HolderId holder = index.Join();
    REQUIRE(holder != kNoHolder);
    PublishChain(index, holder, MakeChain(static_cast<uint64_t>(life % 50), 5));
    index.Leave(holder);
  }
  CHECK(index.blocks() <= index.blocks_max());
}

TEST_CASE("more lives than there are numbers for are refused, not mixed up") {
  PrefixIndex index;
  for (uint32_t i = 0; i < kHoldersMax; ++i) REQUIRE(index.Join() != kNoHolder);
  CHECK(index.Join() == kNoHolder);
  index.Leave(5);
  CHECK(index.Join() == 5);
}

TEST_CASE("memory is bounded, and what had to be forgotten is counted") {
  PrefixIndex index({.bytes_max = 1 << 20});
  CHECK(index.bytes_max() <= 1 << 20);
  const HolderId holder = index.Join();
  for (uint64_t id = 0; id < 5000; ++id) PublishChain(index, holder, MakeChain(id, 32));
  CHECK(index.blocks() == index.blocks_max());
  CHECK(index.known(holder) == index.blocks_max());
  CHECK(index.forgotten(holder) == 5000 * 32 - index.blocks_max());
  CHECK(index.Match(holder, MakeChain(4999, 32)).blocks == 32);
}

TEST_CASE("tails are forgotten before their heads, and old chains before new ones") {
  PrefixIndex index({.bytes_max = 1 << 20});
  const HolderId holder = index.Join();
  const uint64_t chains = index.blocks_max() / 32 + 400;
  for (uint64_t id = 0; id < chains; ++id) PublishChain(index, holder, MakeChain(id, 32));
  uint64_t reachable = 0, old_half = 0;
  for (uint64_t id = 0; id < chains; ++id) {
    const uint32_t blocks = index.Match(holder, MakeChain(id, 32)).blocks;
    reachable += blocks;
    if (id < chains / 2) old_half += blocks;
  }
  // Few blocks are left that a search can no longer reach.
  CHECK(reachable * 100 >= index.known(holder) * 92);
  CHECK(old_half < reachable / 2);
}

TEST_CASE("lists of holders have their own bound, and what does not fit is counted") {
  PrefixIndex index({.bytes_max = 1 << 14});
  const Chain chain = MakeChain(1, 100);
  uint64_t known = 0, forgotten = 0;
  for (int i = 0; i < 200; ++i) {
    const HolderId holder = index.Join();
    PublishChain(index, holder, chain);
    known += index.known(holder);
    forgotten += index.forgotten(holder);
  }
  CHECK(forgotten > 0);
  CHECK(known + forgotten == 200 * 100);
}

// A tree of blocks and holders that keep what a store would keep: a parent outlives its children,
// in all and on the device.
struct Forest {
  explicit Forest(uint64_t seed) : prng(seed) {
    for (uint32_t i = 0; i < 120; ++i) {
      parent.push_back(i == 0 ? -1 : static_cast<int>(prng.Below(i)) - (prng.Chance(0.3) ? 0 : 1));
      if (parent.back() < 0) parent.back() = -1;
    }
  }
  BlockKey Key(int block) const { return {static_cast<uint64_t>(block), 77}; }
  std::vector<int> PathTo(int block) const {
    std::vector<int> path;
    for (; block >= 0; block = parent[static_cast<size_t>(block)]) path.push_back(block);
    std::ranges::reverse(path);
    return path;
  }
  bool HasChild(const std::set<int>& blocks, int block) const {
    return std::ranges::any_of(
        blocks, [&](int other) { return parent[static_cast<size_t>(other)] == block; });
  }

  Prng prng;
  std::vector<int> parent;
};

struct NaiveHolder {
  HolderId holder = kNoHolder;
  std::set<int> device, dram;
  bool Has(int block) const { return device.contains(block) || dram.contains(block); }
  std::set<int> all() const {
    std::set<int> both = device;
    both.insert(dram.begin(), dram.end());
    return both;
  }
};

void ChangeOne(Forest& forest, NaiveHolder& node, PrefixIndex& index) {
  const int block = static_cast<int>(forest.prng.Below(forest.parent.size()));
  const int parent = forest.parent[static_cast<size_t>(block)];
  const auto depth = static_cast<uint32_t>(forest.PathTo(block).size() - 1);
  const bool to_device = forest.prng.Chance(0.6);
  std::set<int>& tier = to_device ? node.device : node.dram;
  const Tier name = to_device ? Tier::kDevice : Tier::kDram;
  if (!tier.contains(block)) {
    const bool may = parent < 0 || (to_device ? node.device.contains(parent) : node.Has(parent));
    if (!may) return;
    tier.insert(block);
    index.Publish(node.holder, {.key = forest.Key(block), .depth = depth, .tier = name});
    return;
  }
  if (to_device && forest.HasChild(node.device, block)) return;
  const bool elsewhere = to_device ? node.dram.contains(block) : node.device.contains(block);
  if (!elsewhere && forest.HasChild(node.all(), block)) return;
  tier.erase(block);
  index.Remove(node.holder, forest.Key(block), name);
}

PrefixMatch NaiveMatch(const Forest& forest, const NaiveHolder& node, int block) {
  PrefixMatch match;
  for (const int step : forest.PathTo(block)) {
    if (!node.Has(step)) break;
    if (node.device.contains(step) && match.device_blocks == match.blocks) ++match.device_blocks;
    ++match.blocks;
  }
  return match;
}

TEST_CASE("every kind of search agrees with walking the chain, whatever is published and removed") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Forest forest(seed);
    PrefixIndex index({.bytes_max = 1 << 16});
    std::vector<NaiveHolder> nodes(9);
    for (NaiveHolder& node : nodes) node.holder = index.Join();
    PrefixMatches matches;
    for (int round = 0; round < 40; ++round) {
      for (int i = 0; i < 100; ++i) {
        ChangeOne(forest, nodes[forest.prng.Below(nodes.size())], index);
      }
      if (forest.prng.Chance(0.1)) {  // one begins a new life
        NaiveHolder& node = nodes[forest.prng.Below(nodes.size())];
        index.Leave(node.holder);
        node = {.holder = index.Join()};
      }
      const int block = static_cast<int>(forest.prng.Below(forest.parent.size()));
      Chain chain;
      for (const int step : forest.PathTo(block)) chain.push_back(forest.Key(step));
      index.MatchAll(chain, matches);
      uint32_t best = 0;
      for (const NaiveHolder& node : nodes) {
        const PrefixMatch truth = NaiveMatch(forest, node, block);
        REQUIRE(index.Match(node.holder, chain) == truth);
        REQUIRE(matches.of(node.holder) == truth);
        best = std::max(best, truth.blocks);
      }
      REQUIRE(matches.best_blocks() == best);
      const BestMatch found = index.Best(chain);
      REQUIRE(found.blocks == best);
      for (const HolderId holder : found.holders) {
        REQUIRE(index.Match(holder, chain).blocks == best);
      }
    }
  }
}

}  // namespace
}  // namespace cairn
