// What may be resident in a tier and in flight between tiers.
#pragma once

#include <cstdint>
#include <limits>

namespace cairn {

// How many blocks a tier may hold. Space is reserved before anything moves, so this holds at every
// instant (I8). 0 slots: the tier is not there.
struct TierBudget {
  uint32_t slots = 0;

  // The most blocks that fit into `bytes`. REQUIRES: block_bytes > 0.
  static constexpr TierBudget FromBytes(uint64_t bytes, uint64_t block_bytes) {
    const uint64_t slots = bytes / block_bytes;
    constexpr uint64_t kSlotsMax = std::numeric_limits<uint32_t>::max();
    return {.slots = static_cast<uint32_t>(slots < kSlotsMax ? slots : kSlotsMax)};
  }
  friend bool operator==(const TierBudget&, const TierBudget&) = default;
};

struct MoveBudget {
  uint32_t in_flight_max = 64;  // moves handed out and not yet finished; the rest wait in order
};

}  // namespace cairn
