// The bytes of a simulated node: one word a token, slot by slot, in two tiers.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/prng.h"
#include "kvstore/block/tier.h"
#include "tests/sim/violation.h"

namespace cairn::sim {

// Over the positions that are copied. Mixed well: by a product alone, two words whose highest bits
// are flipped would have the sum of the right ones.
inline uint64_t ChecksumOf(std::span<const uint64_t> words) {
  uint64_t sum = 0;
  for (uint64_t word : words) sum = SplitMix64(sum ^ word);
  return sum;
}

class SimMemory {
 public:
  SimMemory(uint32_t device_slots, uint32_t dram_slots, uint32_t block_tokens)
      : block_tokens_(block_tokens), slots_{device_slots, dram_slots} {
    for (Tier tier : kTiers) {
      words_[TierNumber(tier)].assign(size_t{slots_[TierNumber(tier)]} * block_tokens, kPoison);
    }
  }

  std::span<uint64_t> At(Tier tier, SlotIndex slot) {
    Demand(slot.value() < slots_[TierNumber(tier)], "budget", slot, " is beyond the ",
           slots_[TierNumber(tier)], " slots of ", tier);
    return std::span(words_[TierNumber(tier)])
        .subspan(size_t{slot.value()} * block_tokens_, block_tokens_);
  }
  // What a slot that nobody holds reads as: a late reader gets a different text.
  void Poison(Tier tier, SlotIndex slot) {
    for (uint64_t& word : At(tier, slot)) word = kPoison;
  }
  uint64_t Checksum(Tier tier, SlotIndex slot) { return ChecksumOf(At(tier, slot)); }
  uint32_t block_tokens() const { return block_tokens_; }

 private:
  static constexpr uint64_t kPoison = 0xdeaddeaddeaddeadull;
  uint32_t block_tokens_;
  std::array<uint32_t, kTierCount> slots_;
  std::array<std::vector<uint64_t>, kTierCount> words_;
};

}  // namespace cairn::sim
