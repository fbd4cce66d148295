#include "kvstore/block/block_pool.h"

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "kvstore/base/prng.h"
#include "kvstore/block/block_life.h"

namespace cairn {
namespace {

TEST_CASE("a reservation is all or none, and what it did not use comes back") {
  BlockPool pool(Tier::kDevice, 4);
  std::optional<Reservation> three = pool.Reserve(3);
  REQUIRE(three.has_value());
  CHECK(pool.free() == 1);
  CHECK_FALSE(pool.Reserve(2).has_value());
  CHECK(pool.free() == 1);
  {
    const SlotHold taken = three->Take();
    CHECK(pool.IsHeld(taken.slot()));
    three.reset();
    CHECK(pool.free() == 3);
  }
  CHECK(pool.free() == 4);
}

TEST_CASE("a slot is free again when its last hold is gone") {
  BlockPool pool(Tier::kDevice, 1);
  SlotHold first = pool.Reserve(1)->Take();
  SlotHold second = first.Share();
  first = SlotHold();
  CHECK(pool.free() == 0);
  SlotHold moved = std::move(second);
  CHECK(pool.free() == 0);
  moved = SlotHold();
  CHECK(pool.free() == 1);
}

TEST_CASE("no slots at all is a pool like any other") {
  BlockPool pool(Tier::kDram, 0);
  CHECK(pool.Reserve(0).has_value());
  CHECK_FALSE(pool.Reserve(1).has_value());
}

TEST_CASE("after any run of takes and returns, free, promised and held add up") {
  Prng prng(7);
  BlockPool pool(Tier::kDevice, 50);
  {
    std::vector<SlotHold> holds;
    std::vector<Reservation> reservations;
    for (int i = 0; i < 5000; ++i) {
      switch (prng.Below(5)) {
        case 0:
          if (auto some = pool.Reserve(static_cast<uint32_t>(prng.Below(10)))) {
            reservations.push_back(*std::move(some));
          }
          break;
        case 1:
          if (!reservations.empty() && reservations.back().size() > 0) {
            holds.push_back(reservations.back().Take());
          }
          break;
        case 2:
          if (!reservations.empty()) reservations.erase(reservations.begin());
          break;
        case 3:
          if (!holds.empty()) holds.push_back(holds[prng.Below(holds.size())].Share());
          break;
        default:
          if (!holds.empty())
            holds.erase(holds.begin() + static_cast<long>(prng.Below(holds.size())));
      }
      uint32_t promised = 0;
      for (const Reservation& some : reservations) promised += some.size();
      std::vector<bool> held(50);
      for (const SlotHold& hold : holds) held[hold.slot().value()] = true;
      REQUIRE(pool.promised() == promised);
      REQUIRE(pool.held() == static_cast<uint32_t>(std::count(held.begin(), held.end(), true)));
      REQUIRE(pool.free() + pool.promised() + pool.held() == 50);
    }
  }
  CHECK(pool.free() == 50);
}

TEST_CASE("a full block is sealed with its key and keeps its slot; a dropped one gives it back") {
  BlockPool pool(Tier::kDevice, 2);
  FillingBlock block(pool.Reserve(1)->Take(), 4);
  const SlotIndex slot = block.slot();
  block.Append(3);
  block.Append(1);
  {
    const SealedBlock sealed = std::move(block).Seal({.high = 1, .low = 2});
    CHECK(sealed.slot() == slot);
    CHECK(sealed.key() == BlockKey{.high = 1, .low = 2});
    CHECK(pool.free() == 1);
  }
  CHECK(pool.free() == 2);
}

}  // namespace
}  // namespace cairn
