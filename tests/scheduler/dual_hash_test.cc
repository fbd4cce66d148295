#include "scheduler/core/dual_hash.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <vector>

namespace cairn {
namespace {

constexpr uint64_t kKeys = 200'000;

std::vector<NodeId> Nodes(uint32_t count, uint32_t first = 1) {
  std::vector<NodeId> nodes;
  for (uint32_t i = 0; i < count; ++i) nodes.push_back(NodeId(first + i));
  return nodes;
}

BlockKey Key(uint64_t id) { return {id * 0x9e3779b97f4a7c15ull, id}; }

// The homes as nodes, the lower first.
std::set<NodeId> HomesOf(DualHash& hash, const std::vector<NodeId>& nodes, uint64_t key) {
  std::set<NodeId> homes;
  for (const uint32_t place : hash.Find(Key(key))) homes.insert(nodes[place]);
  return homes;
}

TEST_CASE("every key has two different homes, or as many as there are workers") {
  for (const uint32_t count : {1u, 2u, 3u, 7u, 64u, 1000u}) {
    CAPTURE(count);
    DualHash hash;
    const auto nodes = Nodes(count);
    hash.SetWorkers(nodes);
    for (uint64_t key = 0; key < 2000; ++key) {
      REQUIRE(HomesOf(hash, nodes, key).size() == std::min(count, 2u));
    }
  }
  DualHash more(4);
  const auto nodes = Nodes(10);
  more.SetWorkers(nodes);
  for (uint64_t key = 0; key < 2000; ++key) REQUIRE(HomesOf(more, nodes, key).size() == 4);
  DualHash nobody;
  nobody.SetWorkers({});
  CHECK(nobody.Find(Key(1)).empty());
}

TEST_CASE(
    "a new worker becomes a home of 2/(n+1) of the keys and displaces one home of just these") {
  for (const uint32_t count : {4u, 8u, 16u, 50u}) {
    CAPTURE(count);
    DualHash before, after;
    const auto nodes = Nodes(count), more = Nodes(count + 1);
    before.SetWorkers(nodes);
    after.SetWorkers(more);
    const NodeId added = more.back();
    uint64_t moved = 0;
    for (uint64_t key = 0; key < kKeys; ++key) {
      const auto old_homes = HomesOf(before, nodes, key), new_homes = HomesOf(after, more, key);
      if (old_homes == new_homes) continue;
      ++moved;
      REQUIRE(new_homes.contains(added));
      std::set<NodeId> kept;
      std::ranges::set_intersection(old_homes, new_homes, std::inserter(kept, kept.end()));
      REQUIRE(kept.size() == 1);  // no key loses both
    }
    const double theory = 2.0 / (count + 1);
    const double share = static_cast<double>(moved) / static_cast<double>(kKeys);
    CHECK(share > theory * 0.95);
    CHECK(share < theory * 1.05);
  }
}

TEST_CASE("when a worker goes, only keys that were at home there move") {
  DualHash before, after;
  const auto nodes = Nodes(12);
  auto fewer = nodes;
  fewer.erase(fewer.begin() + 4);
  before.SetWorkers(nodes);
  after.SetWorkers(fewer);
  for (uint64_t key = 0; key < 20'000; ++key) {
    const auto old_homes = HomesOf(before, nodes, key);
    if (!old_homes.contains(nodes[4])) REQUIRE(HomesOf(after, fewer, key) == old_homes);
  }
}

TEST_CASE("homes are spread evenly over the workers, and so are pairs") {
  DualHash hash;
  const auto nodes = Nodes(10, 100);
  hash.SetWorkers(nodes);
  std::vector<uint64_t> first(10), second(10);
  std::vector<uint64_t> pairs(100);
  for (uint64_t key = 0; key < kKeys; ++key) {
    const Homes homes = hash.Find(Key(key));
    ++first[homes[0]];
    ++second[homes[1]];
    ++pairs[homes[0] * 10 + homes[1]];
  }
  for (size_t i = 0; i < 10; ++i) {
    CHECK(first[i] > kKeys / 10 * 95 / 100);
    CHECK(first[i] < kKeys / 10 * 105 / 100);
    CHECK(second[i] > kKeys / 10 * 95 / 100);
    CHECK(second[i] < kKeys / 10 * 105 / 100);
    for (size_t j = 0; j < 10; ++j) {
      const bool same = i == j;
      CHECK(pairs[i * 10 + j] >= (same ? 0 : kKeys / 90 * 85 / 100));
      CHECK(pairs[i * 10 + j] <= (same ? 0 : kKeys / 90 * 115 / 100));
    }
  }
}

TEST_CASE("scores never change between releases") {
  CHECK(RendezvousScore({1, 2}, 1, NodeId(3)) == 0x0c3edb2ec68ab9b0ull);
  CHECK(RendezvousScore({0xffffffffffffffffull, 0}, 2, NodeId(77)) == 0x7ab9530e663a26daull);
}

}  // namespace
}  // namespace cairn
