// Who holds one block: holders with the tiers of their copies, in the order of the holders. Up to
// two fit into the block's own cell; more are kept in a list of this pool, which never grows beyond
// the memory it was given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kvstore/block/tier.h"

namespace cairn {

// One life of one node in the directory. The value is a small number, reused after everything that
// named it is gone.
using HolderId = uint16_t;
inline constexpr HolderId kNoHolder = 0xffff;
inline constexpr uint32_t kHoldersMax =
    4095;  // 12 bits; the rest of a word says how it has the block

// How a holder has a block: a bit for each tier by its own word, and one for a block that is not
// there yet and will be on the device soon, as far as whoever keeps the directory knows.
using TierMask = uint8_t;
constexpr TierMask MaskOf(Tier tier) { return static_cast<TierMask>(1u << TierNumber(tier)); }
inline constexpr TierMask kExpected = 8;
inline constexpr TierMask kOnDevice = MaskOf(Tier::kDevice) | kExpected;
inline constexpr TierMask kAnyTier = 15;
inline constexpr TierMask kByItsWord = kAnyTier & ~kExpected;
static_assert(kTierCount <= 3, "a holder word has three bits for tiers");

// A holder and how it has the block.
struct HolderWord {
  uint16_t bits = 0;

  static constexpr HolderWord Of(HolderId holder, TierMask tiers) {
    return {static_cast<uint16_t>(holder << 4 | tiers)};
  }
  constexpr HolderId holder() const { return static_cast<HolderId>(bits >> 4); }
  constexpr TierMask tiers() const { return static_cast<TierMask>(bits & kAnyTier); }
};

// The first of the words, which ascend by holder, whose holder is not below this one.
size_t PositionOf(std::span<const HolderWord> words, HolderId holder);

// Lists of words in one array, in size classes of 8, 16, 32, ... words. A freed list serves the
// next one of its class; lists that shrink keep their class.
class HolderListPool {
 public:
  static constexpr uint32_t kNoList = 0xffffffff;

  explicit HolderListPool(uint64_t bytes_max);

  // A list of these words. kNoList: no room.
  uint32_t Make(std::span<const HolderWord> words);
  void Free(uint32_t list);
  std::span<const HolderWord> words(uint32_t list) const;
  std::span<HolderWord> words(uint32_t list);

  // Inserts before `position`. Returns the list, perhaps a new one. kNoList: no room; nothing
  // happened.
  uint32_t Insert(uint32_t list, size_t position, HolderWord word);
  void Erase(uint32_t list, size_t position);

  uint64_t bytes_max() const { return words_max_ * sizeof(HolderWord); }

 private:
  // A list begins with its length and its class, then come the words.
  static constexpr uint32_t kSmallest = 8;
  static constexpr uint32_t kHeader = 2;
  static constexpr uint32_t kClasses = 11;  // up to 8,192 words: every holder there can be

  HolderWord* at(uint32_t list) { return &array_[uint64_t{list} * kSmallest]; }
  const HolderWord* at(uint32_t list) const { return &array_[uint64_t{list} * kSmallest]; }
  uint32_t Allocate(uint16_t size_class);

  uint64_t words_max_;
  std::vector<HolderWord> array_;
  std::vector<std::vector<uint32_t>> free_;  // by class
};

}  // namespace cairn
