#include "kvstore/directory/publish_log.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <tuple>
#include <variant>
#include <vector>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

constexpr NodeId kNode{3};
constexpr Epoch kEpoch{7};

HeldBlock Block(uint64_t id, Tier tier = Tier::kDevice) {
  return {.key = {id, id * 3}, .depth = static_cast<uint32_t>(id % 5), .tier = tier};
}

// What a reader has been told, as a set of copies.
class Ears {
 public:
  explicit Ears(const PublishLimits& limits = {}) : reader(kNode, limits) {}

  template <typename Word>
  PublishNews Hear(Word word, Instant now = {}) {
    PublishNews news = reader.Read(std::move(word), now);
    if (news.forget_first) held.clear();
    for (const BlockChange& change : news.changes) {
      const auto copy = std::tuple(change.block.key, change.block.tier);
      if (change.kind == BlockChangeKind::kPublished) {
        held.insert(copy);
      } else {
        held.erase(copy);
      }
    }
    return news;
  }
  bool Holds(uint64_t id) const { return held.contains({Block(id).key, Tier::kDevice}); }

  PublishReader reader;
  std::set<std::tuple<BlockKey, Tier>> held;
};

PublishBatch Cut(PublishLog& log, uint64_t block) {
  log.Published(Block(block));
  return *log.CutBatch(block);
}

TEST_CASE("batches in order are applied at once, and a repeated one changes nothing") {
  PublishLog log(kNode, kEpoch);
  Ears ears;
  const PublishBatch first = Cut(log, 1), second = Cut(log, 2);
  CHECK(ears.Hear(first).verdict == PublishVerdict::kApplied);
  CHECK(ears.Hear(second).verdict == PublishVerdict::kApplied);
  const PublishNews again = ears.Hear(first);
  CHECK(again.verdict == PublishVerdict::kRepeated);
  CHECK(again.changes.empty());
  CHECK(ears.reader.state().complete());
  CHECK(ears.reader.state().blocks_held == 2);
  CHECK_FALSE(log.CutBatch(2).has_value());
}

TEST_CASE("a batch that overtakes another waits for it") {
  PublishLog log(kNode, kEpoch);
  Ears ears;
  const PublishBatch first = Cut(log, 1), second = Cut(log, 2), third = Cut(log, 3);
  CHECK(ears.Hear(third).verdict == PublishVerdict::kEarly);
  CHECK(ears.Hear(first).verdict == PublishVerdict::kApplied);
  CHECK_FALSE(ears.reader.state().complete());
  CHECK(ears.Hear(second).changes.size() == 2);
  CHECK(ears.Holds(3));
  CHECK(ears.reader.state().complete());
  CHECK_FALSE(ears.reader.NextDeadline().has_value());
}

TEST_CASE("a gap that does not close asks for what is missing, again and again until it comes") {
  PublishLog log(kNode, kEpoch);
  const PublishLimits limits{.reorder_wait = Milliseconds(100), .resync_retry = Seconds(1)};
  Ears ears(limits);
  ears.Hear(Cut(log, 1));
  Cut(log, 2);  // lost
  const Instant start = Instant() + Seconds(5);
  ears.Hear(Cut(log, 3), start);
  CHECK_FALSE(ears.reader.Tick(start + Milliseconds(99)).has_value());
  const auto request = ears.reader.Tick(start + Milliseconds(100));
  REQUIRE(request.has_value());
  CHECK(request->have == 1);
  CHECK(ears.reader.state().resync_pending);
  CHECK_FALSE(ears.reader.Tick(start + Milliseconds(200)).has_value());
  CHECK(ears.reader.Tick(start + Milliseconds(1100)).has_value());

  const ResyncAnswer answer = log.Answer(*request);
  for (const PublishBatch& batch : std::get<std::vector<PublishBatch>>(answer)) {
    ears.Hear(batch, start);
  }
  CHECK(ears.Holds(2));
  CHECK(ears.reader.state().complete());
  CHECK_FALSE(ears.reader.Tick(start + Seconds(10)).has_value());
}

TEST_CASE("the last batch is missed too, once the node says that it is alive") {
  PublishLog log(kNode, kEpoch);
  Ears ears;
  ears.Hear(Cut(log, 1));
  Cut(log, 2);  // lost, and nothing follows
  CHECK(ears.reader.state().complete());
  ears.Hear(log.Beat(2), Instant() + Seconds(1));
  CHECK_FALSE(ears.reader.state().complete());
  CHECK(ears.reader.state().heard == Instant() + Seconds(1));
  CHECK(ears.reader.Tick(Instant() + Seconds(2)).has_value());
}

TEST_CASE("whoever comes late gets a snapshot, in any order of its parts") {
  const PublishLimits limits{.tail_batches_max = 2, .snapshot_part_blocks = 10};
  PublishLog log(kNode, kEpoch, limits);
  std::vector<HeldBlock> held;
  for (uint64_t id = 1; id <= 25; ++id) {
    Cut(log, id);
    held.push_back(Block(id));
  }
  Ears ears(limits);
  ears.held.insert({Block(99).key, Tier::kDevice});  // what it believed before
  const PublishBatch latest = Cut(log, 26);
  const PublishNews news = ears.Hear(latest);
  REQUIRE(news.resync.has_value());
  REQUIRE(std::holds_alternative<SnapshotNeeded>(log.Answer(*news.resync)));
  held.push_back(Block(26));
  std::vector<PublishSnapshotPart> parts = log.Snapshot(held, held.size());
  REQUIRE(parts.size() == 3);
  const PublishBatch after = Cut(log, 27);
  ears.Hear(parts[2]);
  ears.Hear(after);  // waits for the snapshot
  ears.Hear(parts[0]);
  CHECK(ears.Hear(parts[0]).verdict == PublishVerdict::kRepeated);
  CHECK_FALSE(ears.reader.state().complete());
  ears.Hear(parts[1]);
  CHECK(ears.reader.state().complete());
  CHECK(ears.held.size() == 27);
  CHECK_FALSE(ears.Holds(99));
}

TEST_CASE("words of an earlier life are ignored, and a new life forgets the old one") {
  PublishLog old_life(kNode, Epoch(1)), new_life(kNode, Epoch(2));
  Ears ears;
  const PublishBatch late = [&] {
    ears.Hear(Cut(old_life, 1));
    return Cut(old_life, 2);
  }();
  const PublishNews news = ears.Hear(Cut(new_life, 5));
  CHECK(news.forget_first);
  CHECK_FALSE(ears.Holds(1));
  CHECK(ears.Hear(late).verdict == PublishVerdict::kOldEpoch);
  CHECK_FALSE(ears.Holds(2));
  CHECK(ears.Holds(5));
}

TEST_CASE("a log that nobody sends from stays bounded and makes its readers ask for a snapshot") {
  const PublishLimits limits{.batch_changes_max = 8, .pending_changes_max = 16};
  PublishLog log(kNode, kEpoch, limits);
  Ears ears(limits);
  ears.Hear(Cut(log, 1));
  for (uint64_t id = 2; id < 30; ++id) log.Published(Block(id));
  uint64_t changes = 0;
  while (const auto batch = log.CutBatch(29)) changes += batch->changes.size();
  CHECK(changes <= 16);
  ears.Hear(log.Beat(29), Instant() + Seconds(1));
  const auto request = ears.reader.Tick(Instant() + Seconds(2));
  REQUIRE(request.has_value());
  CHECK(std::holds_alternative<SnapshotNeeded>(log.Answer(*request)));
}

TEST_CASE("what cannot be a batch or a part is refused") {
  Ears ears;
  CHECK(ears.Hear(PublishBatch{.node = NodeId(9), .epoch = kEpoch, .sequence = 1}).verdict ==
        PublishVerdict::kRefused);
  CHECK(
      ears.Hear(PublishBatch{.node = kNode, .sequence = 0, .changes = std::vector<BlockChange>(1)})
          .verdict == PublishVerdict::kRefused);
  CHECK(ears.Hear(PublishSnapshotPart{.node = kNode, .part = 4, .parts = 4}).verdict ==
        PublishVerdict::kRefused);
  CHECK(ears.Hear(PublishSnapshotPart{.node = kNode, .parts = 0}).verdict ==
        PublishVerdict::kRefused);
  CHECK(ears.Hear(PublishSnapshotPart{.node = kNode, .parts = 4'000'000'000}).verdict ==
        PublishVerdict::kRefused);
}

// A node whose words are lost, repeated and reordered, and that restarts now and then.
struct HostileWire {
  explicit HostileWire(uint64_t seed) : prng(seed), ears(limits) {}

  void Send(std::variant<PublishBatch, PublishSnapshotPart> word) {
    if (hostile && prng.Chance(0.2)) return;
    const uint64_t copies = hostile && prng.Chance(0.2) ? 2 : 1;
    for (uint64_t i = 0; i < copies; ++i) {
      const uint64_t at = step + (hostile ? prng.Below(8) : 0);
      on_the_way.emplace(std::pair(at, sent++), word);
    }
  }
  void Change() {
    const HeldBlock block = Block(prng.Below(60), prng.Chance(0.5) ? Tier::kDevice : Tier::kDram);
    const auto copy = std::tuple(block.key, block.tier);
    if (held.contains(copy)) {
      held.erase(copy);
      log.Removed(block);
    } else {
      held.emplace(copy, block);
      log.Published(block);
    }
  }
  void Answer(const ResyncRequest& request) {
    if (hostile && prng.Chance(0.3)) return;
    const ResyncAnswer answer = log.Answer(request);
    if (const auto* batches = std::get_if<std::vector<PublishBatch>>(&answer)) {
      for (const PublishBatch& batch : *batches) Send(batch);
      return;
    }
    std::vector<HeldBlock> blocks;
    for (const auto& [copy, block] : held) blocks.push_back(block);
    for (const PublishSnapshotPart& part : log.Snapshot(blocks, blocks.size())) Send(part);
  }
  void Step() {
    ++step;
    if (hostile) {
      for (uint64_t i = prng.Below(4); i > 0; --i) Change();
      if (prng.Chance(0.01)) {
        held.clear();
        log = PublishLog(kNode, Epoch(++epoch), limits);
      }
    }
    while (const auto batch = log.CutBatch(held.size())) Send(*batch);
    if (step % 10 == 0) Send(log.Beat(held.size()));
    const Instant now = Instant() + Milliseconds(static_cast<int64_t>(10 * step));
    while (!on_the_way.empty() && on_the_way.begin()->first.first <= step) {
      const auto word = on_the_way.extract(on_the_way.begin()).mapped();
      const PublishNews news =
          std::visit([&](const auto& one) { return ears.Hear(one, now); }, word);
      if (news.resync) Answer(*news.resync);
    }
    if (const auto request = ears.reader.Tick(now)) Answer(*request);
  }

  Prng prng;
  PublishLimits limits{.batch_changes_max = 3,
                       .tail_batches_max = 6,
                       .early_batches_max = 4,
                       .snapshot_part_blocks = 7,
                       .reorder_wait = Milliseconds(50),
                       .resync_retry = Milliseconds(200)};
  uint64_t epoch = 1;
  PublishLog log{kNode, Epoch(1), limits};
  Ears ears;
  std::map<std::tuple<BlockKey, Tier>, HeldBlock> held;
  std::map<std::pair<uint64_t, uint64_t>, std::variant<PublishBatch, PublishSnapshotPart>>
      on_the_way;
  uint64_t step = 0, sent = 0;
  bool hostile = true;
};

TEST_CASE("whatever is lost, repeated or reordered, a healed reader knows what the node holds") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    HostileWire wire(seed);
    for (int i = 0; i < 300; ++i) wire.Step();
    wire.hostile = false;
    for (int i = 0; i < 200; ++i) wire.Step();
    REQUIRE(wire.ears.reader.state().complete());
    REQUIRE(wire.ears.reader.state().blocks_held == wire.held.size());
    std::set<std::tuple<BlockKey, Tier>> truth;
    for (const auto& [copy, block] : wire.held) truth.insert(copy);
    REQUIRE(wire.ears.held == truth);
  }
}

}  // namespace
}  // namespace cairn
