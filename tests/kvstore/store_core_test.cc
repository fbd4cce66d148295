#include "kvstore/core/store_core.h"

#include <catch2/catch.hpp>
#include <deque>
#include <numeric>
#include <utility>
#include <vector>

namespace cairn {
namespace {

constexpr uint32_t kBlockTokens = 4;

// A store whose moves are carried out by the test.
struct Store {
  explicit Store(uint32_t device, uint32_t dram, uint32_t in_flight = 64)
      : core({.block_tokens = kBlockTokens,
              .device = {.slots = device},
              .dram = {.slots = dram},
              .moves = {.in_flight_max = in_flight}}) {}

  // Computes and publishes what a sequence with this chain would; returns its leases.
  std::vector<BlockLease> Compute(const BlockChain& chain) {
    ClaimAnswer answer = ClaimOf(chain);
    REQUIRE(std::holds_alternative<ChainClaim>(answer));
    ChainClaim claim = std::get<ChainClaim>(std::move(answer));
    std::vector<BlockLease> leases = std::move(claim.prefix);
    for (uint32_t i = static_cast<uint32_t>(leases.size()); i < chain.full_blocks(); ++i) {
      FillingBlock block(claim.fresh.Take(), kBlockTokens);
      block.Append(kBlockTokens);
      leases.push_back(core.Publish(std::move(block).Seal(chain.key(i)), chain, i,
                                    leases.empty() ? nullptr : &leases.back()));
    }
    return leases;
  }
  ClaimAnswer ClaimOf(const BlockChain& chain) {
    ClaimAnswer answer = core.Claim(chain, chain.full_blocks(), chain.full_blocks());
    for (const StoreAction& action : core.TakeActions())
      moves.push_back(std::get<StartMove>(action).move);
    return answer;
  }
  // Finishes the oldest move.
  Move Finish(MoveOutcome outcome = MoveOutcome::kDone, uint64_t checksum = 1) {
    REQUIRE_FALSE(moves.empty());
    const Move move = moves.front();
    moves.pop_front();
    core.Handle(MoveFinished{.move = move.id, .outcome = outcome, .checksum = checksum});
    for (const StoreAction& action : core.TakeActions())
      moves.push_back(std::get<StartMove>(action).move);
    core.Audit();
    return move;
  }
  void FinishAll() {
    while (!moves.empty()) Finish();
  }
  // Fills the device with other blocks, so that earlier ones are demoted.
  void Flush(TokenId first) {
    BlockChain other = Text(first, core.limits().device.slots);
    for (int tries = 0; tries < 100; ++tries) {
      ClaimAnswer answer = ClaimOf(other);
      if (std::holds_alternative<ChainClaim>(answer)) return;
      FinishAll();
    }
    FAIL("the device is never free");
  }
  static BlockChain Text(TokenId first, uint32_t blocks) {
    std::vector<TokenId> tokens(size_t{blocks} * kBlockTokens);
    std::iota(tokens.begin(), tokens.end(), first);
    BlockChain chain({.block_tokens = kBlockTokens});
    chain.Append(tokens);
    return chain;
  }
  uint32_t Match(const BlockChain& chain) const { return core.Match(chain, chain.full_blocks()); }

  StoreCore core;
  std::deque<Move> moves;
};

TEST_CASE("blocks outlive the sequence that computed them and are found again") {
  Store store(8, 0);
  const BlockChain chain = Store::Text(0, 3);
  { const auto leases = store.Compute(chain); }
  CHECK(store.Match(chain) == 3);
  const auto again = std::get<ChainClaim>(store.ClaimOf(chain));
  CHECK(again.device_blocks == 3);
  CHECK(again.fresh.size() == 0);
  store.core.Audit();
}

TEST_CASE("a leased chain survives any pressure; asking for too much is no room") {
  Store store(4, 0);
  const BlockChain chain = Store::Text(0, 3);
  const auto leases = store.Compute(chain);
  CHECK(std::holds_alternative<NoRoom>(store.ClaimOf(Store::Text(100, 2))));
  CHECK(std::holds_alternative<ChainClaim>(store.ClaimOf(Store::Text(100, 1))));
  CHECK(store.Match(chain) == 3);
}

TEST_CASE("a head that is lent by its keys stays, although whoever computed it has gone") {
  Store store(4, 0);
  const BlockChain chain = Store::Text(0, 3);
  { const auto leases = store.Compute(chain); }
  CHECK_FALSE(store.core.LeaseToLend(Store::Text(50, 1).key(0)).has_value());
  {
    const auto head = store.core.LeaseToLend(chain.key(0));
    const auto next = store.core.LeaseToLend(chain.key(1));
    REQUIRE(head.has_value());
    REQUIRE(next.has_value());
    CHECK(std::holds_alternative<NoRoom>(store.ClaimOf(Store::Text(100, 3))));
    CHECK(std::holds_alternative<ChainClaim>(store.ClaimOf(Store::Text(100, 2))));
    store.core.Audit();
  }
  CHECK(store.Match(chain) == 2);
  CHECK(std::holds_alternative<ChainClaim>(store.ClaimOf(Store::Text(100, 4))));
}

TEST_CASE("without DRAM an evicted block is gone, tail first, and room is made at once") {
  Store store(4, 0);
  const BlockChain chain = Store::Text(0, 4);
  { const auto leases = store.Compute(chain); }
  CHECK(std::holds_alternative<ChainClaim>(store.ClaimOf(Store::Text(100, 1))));
  CHECK(store.Match(chain) == 3);
  CHECK(store.core.evicted_device() == 1);
  CHECK(store.moves.empty());
}

TEST_CASE("what leaves the device goes to DRAM first and comes back when asked for") {
  Store store(3, 6);
  const BlockChain chain = Store::Text(0, 3);
  { const auto leases = store.Compute(chain); }
  store.Flush(100);
  CHECK(store.core.counts().demoted == 3);
  CHECK(store.Match(chain) == 3);

  ClaimAnswer answer = store.ClaimOf(chain);
  REQUIRE(std::holds_alternative<ChainClaim>(answer));
  const ChainClaim& claim = std::get<ChainClaim>(answer);
  CHECK(claim.dram_blocks == 3);
  for (const BlockLease& lease : claim.prefix)
    CHECK(store.core.State(lease) == LeaseState::kArriving);
  store.FinishAll();
  for (const BlockLease& lease : claim.prefix) CHECK(store.core.State(lease) == LeaseState::kReady);
  CHECK(store.core.counts().promoted == 3);
}

TEST_CASE("room that needs a demotion is not there before the copy is") {
  Store store(2, 2);
  { const auto leases = store.Compute(Store::Text(0, 2)); }
  CHECK(std::holds_alternative<NotNow>(store.ClaimOf(Store::Text(100, 2))));
  REQUIRE(store.moves.size() == 2);
  CHECK(store.core.pool(Tier::kDevice).free() == 0);
  store.Finish();
  CHECK(store.core.pool(Tier::kDevice).free() == 1);
  CHECK(std::holds_alternative<NotNow>(store.ClaimOf(Store::Text(100, 2))));
  store.Finish();
  CHECK(std::holds_alternative<ChainClaim>(store.ClaimOf(Store::Text(100, 2))));
}

TEST_CASE("a head whose copy is made sooner than its tail's still leaves after it") {
  Store store(2, 2);
  { const auto leases = store.Compute(Store::Text(0, 2)); }
  CHECK(std::holds_alternative<NotNow>(store.ClaimOf(Store::Text(100, 1))));
  CHECK(std::holds_alternative<NotNow>(store.ClaimOf(Store::Text(100, 2))));
  REQUIRE(store.moves.size() == 2);
  std::swap(store.moves[0], store.moves[1]);
  store.Finish();  // the head's
  CHECK(store.core.pool(Tier::kDevice).free() == 0);
  store.Finish();
  CHECK(store.core.pool(Tier::kDevice).free() == 2);
}

TEST_CASE("a block that comes back damaged is dropped, counted, and missed from then on") {
  Store store(2, 4);
  const BlockChain chain = Store::Text(0, 2);
  { const auto leases = store.Compute(chain); }
  store.Flush(100);
  {
    ClaimAnswer answer = store.ClaimOf(chain);
    REQUIRE(std::holds_alternative<ChainClaim>(answer));
    const ChainClaim& claim = std::get<ChainClaim>(answer);
    store.Finish(MoveOutcome::kDone, 666);  // the first block's
    store.FinishAll();
    CHECK(store.core.State(claim.prefix[0]) == LeaseState::kLost);
    CHECK(store.core.State(claim.prefix[1]) == LeaseState::kReady);
  }
  CHECK(store.core.counts().checksum_failures == 1);
  CHECK(store.Match(chain) == 0);
  store.core.Audit();
  // Computed again, it makes the block behind it reachable again.
  const auto leases = store.Compute(chain);
  CHECK(leases.size() == 2);
  CHECK(store.Match(chain) == 2);
}

TEST_CASE("a block sealed twice is kept once, and both sequences read the older copy") {
  Store store(4, 0);
  const BlockChain chain = Store::Text(0, 1);
  auto mine = std::get<Reservation>(store.core.Reserve(1));
  FillingBlock slow(mine.Take(), kBlockTokens);
  slow.Append(kBlockTokens);
  const auto first = store.Compute(chain);
  const BlockLease second =
      store.core.Publish(std::move(slow).Seal(chain.key(0)), chain, 0, nullptr);
  CHECK(second.slot() == first[0].slot());
  CHECK(store.core.counts().duplicates_dropped == 1);
  CHECK(store.core.pool(Tier::kDevice).free() == 3);
}

TEST_CASE("moves in flight are bounded; the rest follow as they finish") {
  Store store(6, 6, 2);
  { const auto leases = store.Compute(Store::Text(0, 6)); }
  CHECK(std::holds_alternative<NotNow>(store.ClaimOf(Store::Text(100, 6))));
  CHECK(store.moves.size() == 2);
  CHECK(store.core.moves_outstanding() == 6);
  store.FinishAll();
  CHECK(store.core.counts().demoted == 6);
}

TEST_CASE("a small DRAM keeps the heads of what it is given") {
  Store store(6, 2);
  const BlockChain chain = Store::Text(0, 6);
  std::vector<BlockLease> leases = store.Compute(chain);
  while (!leases.empty()) leases.pop_back();  // tail first, as a sequence does
  store.Flush(100);
  CHECK(store.Match(chain) == 2);
  CHECK(store.core.counts().evicted_dram == 4);
}

}  // namespace
}  // namespace cairn
