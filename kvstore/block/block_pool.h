// The slots of one tier: reserve, take, give back. Knows nothing of keys.
//
//   free -> promised to a Reservation -> held (one or more SlotHolds) -> free
//
// A reservation is all or none and returns what was not taken; a hold returns its slot when the
// last of them is gone. Each use of a slot has a generation, so that a slot given back twice, or
// used after it was given back, is found at once.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/block/tier.h"

namespace cairn {

class BlockPool;

// One hold on one slot. Move-only; Share makes another. Must not outlive the pool.
class SlotHold {
 public:
  SlotHold() = default;  // holds nothing
  SlotHold(SlotHold&& other) noexcept;
  SlotHold& operator=(SlotHold&& other) noexcept;
  ~SlotHold();

  explicit operator bool() const { return pool_ != nullptr; }
  SlotIndex slot() const { return slot_; }  // REQUIRES: holds
  SlotHold Share() const;                   // REQUIRES: holds

 private:
  friend class BlockPool;
  SlotHold(BlockPool* pool, SlotIndex slot, uint32_t generation)
      : pool_(pool), slot_(slot), generation_(generation) {}

  BlockPool* pool_ = nullptr;
  SlotIndex slot_;
  uint32_t generation_ = 0;
};

// A promise of `size` slots. Move-only; the destructor returns what was not taken.
class Reservation {
 public:
  Reservation() = default;  // of nothing
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation();

  uint32_t size() const { return count_; }
  SlotHold Take();  // REQUIRES: size() > 0

 private:
  friend class BlockPool;
  Reservation(BlockPool* pool, uint32_t count) : pool_(pool), count_(count) {}

  BlockPool* pool_ = nullptr;
  uint32_t count_ = 0;
};

class BlockPool {
 public:
  BlockPool(Tier tier, uint32_t slots);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();  // CHECKs that nothing is promised or held

  // All of them or none. Slots last given back are taken first: they are warm.
  std::optional<Reservation> Reserve(uint32_t count);

  Tier tier() const { return tier_; }
  uint32_t slots() const { return static_cast<uint32_t>(uses_.size()); }
  uint32_t free() const { return static_cast<uint32_t>(free_.size()) - promised_; }
  uint32_t promised() const { return promised_; }
  uint32_t held() const { return slots() - static_cast<uint32_t>(free_.size()); }
  uint64_t returns() const { return returns_; }  // slots and promises given back, ever
  bool IsHeld(SlotIndex slot) const { return uses_[slot.value()].holds > 0; }

 private:
  friend class SlotHold;
  friend class Reservation;
  struct Use {
    uint32_t generation = 0;
    uint32_t holds = 0;
  };

  SlotHold TakePromised();
  void ReturnPromise(uint32_t count);
  void AddHold(SlotIndex slot, uint32_t generation);
  void GiveBack(SlotIndex slot, uint32_t generation);

  Tier tier_;
  std::vector<Use> uses_;        // by slot
  std::vector<SlotIndex> free_;  // a stack
  uint32_t promised_ = 0;        // of free_, to reservations
  uint64_t returns_ = 0;
};

}  // namespace cairn
