#include "kvstore/block/block_pool.h"

#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

SlotHold::SlotHold(SlotHold&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      slot_(other.slot_),
      generation_(other.generation_) {}

SlotHold& SlotHold::operator=(SlotHold&& other) noexcept {
  if (this != &other) {
    if (pool_ != nullptr) pool_->GiveBack(slot_, generation_);
    pool_ = std::exchange(other.pool_, nullptr);
    slot_ = other.slot_;
    generation_ = other.generation_;
  }
  return *this;
}

SlotHold::~SlotHold() {
  if (pool_ != nullptr) pool_->GiveBack(slot_, generation_);
}

SlotHold SlotHold::Share() const {
  CAIRN_CHECK(pool_ != nullptr);
  pool_->AddHold(slot_, generation_);
  return SlotHold(pool_, slot_, generation_);
}

Reservation::Reservation(Reservation&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), count_(std::exchange(other.count_, 0)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this != &other) {
    if (pool_ != nullptr) pool_->ReturnPromise(count_);
    pool_ = std::exchange(other.pool_, nullptr);
    count_ = std::exchange(other.count_, 0);
  }
  return *this;
}

Reservation::~Reservation() {
  if (pool_ != nullptr) pool_->ReturnPromise(count_);
}

SlotHold Reservation::Take() {
  CAIRN_CHECK_GT(count_, 0u);
  --count_;
  return pool_->TakePromised();
}

BlockPool::BlockPool(Tier tier, uint32_t slots) : tier_(tier), uses_(slots) {
  free_.reserve(slots);
  for (uint32_t i = slots; i > 0; --i) free_.push_back(SlotIndex(i - 1));
}

BlockPool::~BlockPool() {
  CAIRN_CHECK_EQ(promised_, 0u);
  CAIRN_CHECK_EQ(held(), 0u);
}

std::optional<Reservation> BlockPool::Reserve(uint32_t count) {
  if (count > free()) return std::nullopt;
  promised_ += count;
  return Reservation(this, count);
}

SlotHold BlockPool::TakePromised() {
  CAIRN_CHECK_GT(promised_, 0u);
  CAIRN_CHECK_GE(free_.size(), promised_);
  const SlotIndex slot = free_.back();
  free_.pop_back();
  --promised_;
  Use& use = uses_[slot.value()];
  CAIRN_CHECK_EQ(use.holds, 0u);
  use.holds = 1;
  ++use.generation;
  return SlotHold(this, slot, use.generation);
}

void BlockPool::ReturnPromise(uint32_t count) {
  CAIRN_CHECK_GE(promised_, count);
  promised_ -= count;
  returns_ += count;
}

void BlockPool::AddHold(SlotIndex slot, uint32_t generation) {
  Use& use = uses_[slot.value()];
  CAIRN_CHECK_EQ(use.generation, generation);
  CAIRN_CHECK_GT(use.holds, 0u);
  ++use.holds;
}

void BlockPool::GiveBack(SlotIndex slot, uint32_t generation) {
  Use& use = uses_[slot.value()];
  CAIRN_CHECK_EQ(use.generation, generation);
  CAIRN_CHECK_GT(use.holds, 0u);
  if (--use.holds > 0) return;
  free_.push_back(slot);
  ++returns_;
}

}  // namespace cairn
