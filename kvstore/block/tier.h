// Where a copy of a block can be on one node, from the fastest to the slowest place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <ostream>

namespace cairn {

// kDevice is what the engine reads and writes. Disk comes after kDram; a copy on another node is a
// (node, tier) pair and not a tier of its own.
enum class Tier : uint8_t { kDevice = 0, kDram = 1 };

inline constexpr size_t kTierCount = 2;
inline constexpr std::array<Tier, kTierCount> kTiers = {Tier::kDevice, Tier::kDram};

constexpr size_t TierNumber(Tier tier) { return static_cast<size_t>(tier); }
constexpr const char* TierName(Tier tier) { return tier == Tier::kDevice ? "device" : "dram"; }
inline std::ostream& operator<<(std::ostream& out, Tier tier) { return out << TierName(tier); }

}  // namespace cairn
