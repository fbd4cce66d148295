#include "kvstore/core/block_announcer.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "kvstore/base/prng.h"
#include "kvstore/core/store_core.h"

namespace cairn {
namespace {

constexpr NodeId kNode{3};
constexpr Epoch kEpoch{2};
constexpr uint32_t kBlockTokens = 2;

using Found = std::set<std::tuple<BlockKey, Tier, uint32_t>>;

// What somebody knows who has heard these words, in this order.
struct Listener {
  void Hear(const std::vector<BlockChange>& changes) {
    for (const auto& [block, kind] : changes) {
      const std::tuple copy(block.key, block.tier, block.depth);
      if (kind == BlockChangeKind::kPublished) {
        known.insert(copy);
      } else {
        REQUIRE(known.erase(copy) == 1);  // nothing is taken back that was not announced
      }
    }
  }
  Found known;
};

Found HeldBy(const StoreCore& store) {
  Found held;
  store.copies().VisitFound(
      [&](const FoundCopy& copy) { held.emplace(copy.key, copy.tier, copy.depth); });
  return held;
}

// A store under the hands of sequences that come and go, with moves that take their time.
struct Life {
  Life(uint64_t seed, uint32_t device, uint32_t dram)
      : prng(seed),
        store({.block_tokens = kBlockTokens,
               .device = {.slots = device},
               .dram = {.slots = dram},
               .moves = {.in_flight_max = 3},
               .device_headroom_slots = dram > 0 ? 1u : 0u}) {
    store.StartPublishing(kNode, kEpoch, {.batch_changes_max = 3, .tail_batches_max = 8});
  }

  void Compute() {
    BlockChain chain({.block_tokens = kBlockTokens});
    const uint64_t blocks = 1 + prng.Below(5);
    for (uint64_t i = 0; i < blocks * kBlockTokens; ++i) {
      chain.Append(std::vector<TokenId>{static_cast<TokenId>(prng.Below(2))});
    }
    ClaimAnswer answer = store.Claim(chain, chain.full_blocks(), chain.full_blocks());
    if (auto* claim = std::get_if<ChainClaim>(&answer)) {
      std::vector<BlockLease> leases = std::move(claim->prefix);
      for (auto i = static_cast<uint32_t>(leases.size()); i < chain.full_blocks(); ++i) {
        FillingBlock block(claim->fresh.Take(), kBlockTokens);
        block.Append(kBlockTokens);
        leases.push_back(store.Publish(std::move(block).Seal(chain.key(i)), chain, i,
                                       leases.empty() ? nullptr : &leases.back()));
      }
      running.push_back(std::move(leases));
    }
    Settle();
  }
  void End() {
    if (running.empty()) return;
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(prng.Below(running.size())));
    Settle();
  }
  void FinishMove() {
    if (moves.empty()) return;
    const Move move = moves.front();
    moves.erase(moves.begin());
    store.Handle(
        MoveFinished{.move = move.id,
                     .outcome = prng.Chance(0.2) ? MoveOutcome::kFailed : MoveOutcome::kDone,
                     .checksum = prng.Chance(0.9) ? 1u : 2u});
    Settle();
  }
  void Settle() {
    store.KeepHeadroom();
    for (const StoreAction& action : store.TakeActions()) {
      moves.push_back(std::get<StartMove>(action).move);
    }
    store.Audit();
  }
  void Step() {
    switch (prng.Below(4)) {
      case 0:
        return End();
      case 1:
        return FinishMove();
      default:
        return Compute();
    }
  }

  Prng prng;
  StoreCore store;
  std::vector<std::vector<BlockLease>> running;
  std::vector<Move> moves;
};

TEST_CASE("whoever has heard all batches knows every copy that can be found, with tier and depth") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Life life(seed, 6 + static_cast<uint32_t>(seed % 9), seed % 3 == 0 ? 0 : 5);
    Listener listener;
    for (int step = 0; step < 150; ++step) {
      life.Step();
      for (const PublishBatch& batch : life.store.announcer()->TakeBatches()) {
        listener.Hear(batch.changes);
      }
      REQUIRE(listener.known == HeldBy(life.store));
    }
    CHECK(listener.known.size() > 2);
  }
}

TEST_CASE("a listener that has missed words is answered with them, or with all that is held") {
  size_t batches = 0, snapshots = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Life life(seed, 8, 6);
    PublishReader reader(kNode);
    Listener listener;
    const auto read = [&](PublishWord word) {
      const PublishNews news =
          std::visit([&](auto& one) { return reader.Read(std::move(one), Instant()); }, word);
      if (news.forget_first) listener.known.clear();
      for (const auto& [block, kind] : news.changes) {  // a snapshot may say a thing again
        const std::tuple copy(block.key, block.tier, block.depth);
        if (kind == BlockChangeKind::kPublished) {
          listener.known.insert(copy);
        } else {
          listener.known.erase(copy);
        }
      }
    };
    for (int step = 0; step < 100; ++step) {
      life.Step();
      for (const PublishBatch& batch : life.store.announcer()->TakeBatches()) {
        // Some miss little, some much.
        const bool safe = seed % 2 == 0 && step < 97;
        if (safe || life.prng.Chance(0.6)) read(batch);
      }
    }
    const BlockAnnouncer& announcer = *life.store.announcer();
    read(announcer.Beat());
    const ResyncRequest request{.node = kNode, .epoch = kEpoch, .have = reader.state().applied};
    const std::vector<PublishWord> answer = announcer.Answer(request);
    for (const PublishWord& word : answer) {
      ++(std::holds_alternative<PublishBatch>(word) ? batches : snapshots);
      read(word);
    }
    CHECK(reader.state().complete());
    CHECK(listener.known == HeldBy(life.store));
    CHECK(reader.state().blocks_held == life.store.copies().found_blocks());
  }
  CHECK(batches > 0);
  CHECK(snapshots > 0);
}

TEST_CASE("a copy is announced when its bytes are there, and taken back before its slot is free") {
  StoreCore store({.block_tokens = kBlockTokens, .device = {.slots = 1}, .dram = {.slots = 1}});
  store.StartPublishing(kNode, kEpoch);
  BlockChain chain({.block_tokens = kBlockTokens});
  chain.Append(std::vector<TokenId>{1, 2});
  {
    Reservation place = std::get<Reservation>(store.Reserve(1));
    FillingBlock block(place.Take(), kBlockTokens);
    block.Append(kBlockTokens);
    CHECK(store.announcer()->TakeBatches().empty());  // filling: nobody hears of it
    (void)store.Publish(std::move(block).Seal(chain.key(0)), chain, 0, nullptr);
  }
  std::vector<PublishBatch> said = store.announcer()->TakeBatches();
  REQUIRE(said.size() == 1);
  CHECK(said[0].changes[0].kind == BlockChangeKind::kPublished);
  CHECK(std::holds_alternative<NotNow>(store.Reserve(1)));  // it moves down first
  const Move move = std::get<StartMove>(store.TakeActions()[0]).move;
  CHECK(store.announcer()->TakeBatches().empty());  // the copy below is not there yet
  store.Handle(MoveFinished{.move = move.id, .checksum = 7});
  said = store.announcer()->TakeBatches();
  REQUIRE(said.size() == 1);
  REQUIRE(said[0].changes.size() == 2);
  CHECK(said[0].changes[0].block.tier == Tier::kDram);
  CHECK(said[0].changes[1].kind == BlockChangeKind::kRemoved);
  CHECK(std::holds_alternative<Reservation>(store.Reserve(1)));
}

TEST_CASE("told_through names the batch that tells of everything until now") {
  Life life(5, 20, 0);
  BlockAnnouncer& announcer = *life.store.announcer();
  for (int step = 0; step < 60; ++step) {
    for (uint64_t turn = life.prng.Below(4); turn > 0; --turn) life.Step();
    const uint64_t told = announcer.told_through();
    const std::vector<PublishBatch> batches = announcer.TakeBatches();
    if (!batches.empty()) CHECK(batches.back().sequence == told);
    CHECK(announcer.told_through() == told);
  }
}

}  // namespace
}  // namespace cairn
