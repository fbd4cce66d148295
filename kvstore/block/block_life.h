// A block's states as types: a FillingBlock has one writer and no key; a SealedBlock is full, has a
// key and never changes again (I1). The wrong call does not compile.
#pragma once

#include <cstdint>
#include <utility>

#include "kvstore/base/check.h"
#include "kvstore/block/block_key.h"
#include "kvstore/block/block_pool.h"

namespace cairn {

// Full, readable, unchangeable; the only thing that can be published. Move-only; gives its slot
// back if dropped.
class SealedBlock {
 public:
  const BlockKey& key() const { return key_; }
  SlotIndex slot() const { return hold_.slot(); }
  SlotHold TakeSlot() && { return std::move(hold_); }

 private:
  friend class FillingBlock;
  SealedBlock(SlotHold hold, const BlockKey& key) : hold_(std::move(hold)), key_(key) {}

  SlotHold hold_;
  BlockKey key_;
};

// Being written by one sequence. Move-only; gives its slot back if dropped.
class FillingBlock {
 public:
  // `filled` is not 0 for a block that begins as a copy of another (copy-on-write).
  FillingBlock(SlotHold hold, uint32_t capacity, uint32_t filled = 0)
      : hold_(std::move(hold)), capacity_(capacity), filled_(filled) {
    CAIRN_CHECK(static_cast<bool>(hold_));
    CAIRN_CHECK_LE(filled_, capacity_);
  }

  // These many more tokens' KV is there: the step that computed them was seen to finish.
  void Append(uint32_t tokens) {
    CAIRN_CHECK_LE(tokens, capacity_ - filled_);
    filled_ += tokens;
  }
  // REQUIRES: full. Consumes the filling block.
  SealedBlock Seal(const BlockKey& key) && {
    CAIRN_CHECK_EQ(filled_, capacity_);
    return SealedBlock(std::move(hold_), key);
  }
  // Keeps the slot from being reused while somebody else copies from it.
  SlotHold ShareSlot() const { return hold_.Share(); }

  SlotIndex slot() const { return hold_.slot(); }
  uint32_t filled() const { return filled_; }
  uint32_t capacity() const { return capacity_; }

 private:
  SlotHold hold_;
  uint32_t capacity_;
  uint32_t filled_;
};

}  // namespace cairn
