#include "kvstore/directory/directory.h"

#include <catch2/catch.hpp>
#include <vector>

namespace cairn {
namespace {

constexpr NodeId kNode{4};
constexpr Epoch kEpoch{1};

std::vector<BlockKey> MakeChain(size_t blocks) {
  std::vector<BlockKey> chain;
  for (size_t block = 0; block < blocks; ++block) chain.push_back({1, block});
  return chain;
}

HeldBlock At(const std::vector<BlockKey>& chain, uint32_t block) {
  return {.key = chain[block], .depth = block};
}

TEST_CASE("what a node publishes can be found, with how old and how complete it is") {
  Directory directory;
  directory.Join(kNode, kEpoch);
  PublishLog log(kNode, kEpoch);
  const auto chain = MakeChain(10);
  for (uint32_t block = 0; block < 10; ++block) log.Published(At(chain, block));
  directory.Hear(*log.CutBatch(10), Instant() + Seconds(1));
  CHECK(directory.index().Match(directory.HolderOf(kNode), chain).blocks == 10);

  const auto coverage = directory.Coverage(kNode, Instant() + Seconds(4));
  REQUIRE(coverage.has_value());
  CHECK(coverage->staleness == Seconds(3));
  CHECK(coverage->blocks_known == 10);
  CHECK(coverage->known_ppm == 1'000'000);
  CHECK_FALSE(coverage->resync_pending);
  CHECK_FALSE(directory.Coverage(NodeId(9), Instant()).has_value());
}

TEST_CASE("coverage says what share is missing while a gap is open") {
  Directory directory;
  directory.Join(kNode, kEpoch);
  PublishLog log(kNode, kEpoch);
  const auto chain = MakeChain(4);
  log.Published(At(chain, 0));
  directory.Hear(*log.CutBatch(1), Instant());
  for (uint32_t block = 1; block < 3; ++block) log.Published(At(chain, block));
  (void)log.CutBatch(3);  // lost
  log.Published(At(chain, 3));
  directory.Hear(*log.CutBatch(4), Instant());
  const auto coverage = directory.Coverage(kNode, Instant());
  CHECK(coverage->known_ppm == 250'000);
  CHECK(coverage->resync_pending);
  const auto requests = directory.Tick(Instant() + PublishLimits().reorder_wait);
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].have == 1);
}

TEST_CASE("a node that restarts is known by its new life alone") {
  Directory directory;
  directory.Join(kNode, kEpoch);
  PublishLog log(kNode, kEpoch);
  const auto chain = MakeChain(3);
  log.Published(At(chain, 0));
  directory.Hear(*log.CutBatch(1), Instant());
  log.Published(At(chain, 1));
  const PublishBatch late = *log.CutBatch(2);
  directory.Join(kNode, Epoch(2));
  directory.Hear(late, Instant());
  CHECK(directory.index().Match(directory.HolderOf(kNode), chain).blocks == 0);
  CHECK_FALSE(directory.Coverage(kNode, Instant())->speaks);
  directory.Leave(kNode);
  CHECK(directory.HolderOf(kNode) == kNoHolder);
}

TEST_CASE("a node's first own word replaces what was guessed of it") {
  Directory directory;
  const HolderId guessed = directory.Join(kNode, kEpoch);
  const auto chain = MakeChain(5);
  for (uint32_t block = 0; block < 5; ++block) directory.index().Publish(guessed, At(chain, block));
  CHECK(directory.Coverage(kNode, Instant())->known_ppm == 1'000'000);
  PublishLog log(kNode, kEpoch);
  log.Published(At(chain, 0));
  directory.Hear(*log.CutBatch(1), Instant());
  CHECK(directory.Speaks(kNode));
  CHECK(directory.index().Match(directory.HolderOf(kNode), chain).blocks == 1);
}

TEST_CASE("a node that found no place is known from its next snapshot on, once there is one") {
  Directory directory;
  std::vector<HolderId> others;
  for (uint32_t i = 0; i < kHoldersMax; ++i) others.push_back(directory.index().Join());
  REQUIRE(directory.Join(kNode, kEpoch) == kNoHolder);
  PublishLog log(kNode, kEpoch);
  const auto chain = MakeChain(2);
  log.Published(At(chain, 0));
  directory.Hear(*log.CutBatch(1), Instant());
  CHECK(directory.Coverage(kNode, Instant())->known_ppm == 0);

  directory.index().Leave(others[0]);
  log.Published(At(chain, 1));
  directory.Hear(*log.CutBatch(2), Instant());  // a batch alone is not all it has
  CHECK(directory.HolderOf(kNode) == kNoHolder);
  const std::vector<HeldBlock> held = {At(chain, 0), At(chain, 1)};
  log.Published(At(chain, 1));
  (void)log.CutBatch(2);
  for (const PublishSnapshotPart& part : log.Snapshot(held, 2)) directory.Hear(part, Instant());
  CHECK(directory.index().Match(directory.HolderOf(kNode), chain).blocks == 2);
  CHECK(directory.Coverage(kNode, Instant())->known_ppm == 1'000'000);
}

}  // namespace
}  // namespace cairn
