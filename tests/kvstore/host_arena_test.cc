#include "kvstore/media/host_arena.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace cairn {
namespace {

TEST_CASE("an arena's slots are aligned, zero and do not overlap") {
  for (const ArenaFill fill :
       {ArenaFill::kOnDemand, ArenaFill::kPrefault, ArenaFill::kPrefaultBehind}) {
    auto arena = HostArena::Make(100, 64 * 1001, fill);
    REQUIRE(arena.ok());
    CHECK((*arena)->slots() == 100);
    CHECK(reinterpret_cast<uintptr_t>((*arena)->base()) % (2 << 20) == 0);
    for (uint32_t i = 0; i < 100; ++i) {
      const std::span<std::byte> slot = (*arena)->At(SlotIndex(i));
      REQUIRE(slot.size() == 64 * 1001);
      REQUIRE(slot.data() == (*arena)->base() + i * (*arena)->slot_bytes());
      REQUIRE(reinterpret_cast<uintptr_t>(slot.data()) % 64 == 0);
      REQUIRE(std::all_of(slot.begin(), slot.end(), [](std::byte b) { return b == std::byte{0}; }));
      std::fill(slot.begin(), slot.end(), static_cast<std::byte>(i + 1));
    }
    for (uint32_t i = 0; i < 100; ++i) {
      const std::span<std::byte> slot = (*arena)->At(SlotIndex(i));
      REQUIRE(std::count(slot.begin(), slot.end(), static_cast<std::byte>(i + 1)) == 64 * 1001);
    }
  }
}

TEST_CASE("an arena that the machine has no room for is refused with its size") {
  const auto absurd = HostArena::Make(0xffffffff, uint64_t{1} << 40, ArenaFill::kOnDemand);
  CHECK(absurd.status().code() == absl::StatusCode::kResourceExhausted);
  const auto large = HostArena::Make(1 << 20, uint64_t{1} << 24, ArenaFill::kPrefault);  // 16 TiB
  REQUIRE(large.status().code() == absl::StatusCode::kResourceExhausted);
  CHECK(large.status().message().find("16777216 MiB") != std::string::npos);
}

}  // namespace
}  // namespace cairn
