// Permission to read one copy of a block. While a lease lives its copy is not evicted and its slot
// is not reused (I3). Leases inside a process end by release, which is their destructor; a lease
// given to another node will also end by a duration (I7).
#pragma once

#include <cstdint>
#include <utility>

#include "kvstore/base/check.h"
#include "kvstore/base/ids.h"

namespace cairn {

struct HeldIdTag {
  static constexpr const char* kPrefix = "held-";
};
// One block that a node holds, in one or more tiers: a row of its copy table.
using HeldId = StrongInt<HeldIdTag, uint32_t>;

// Who gives leases on device copies and hears of their ends.
class LeaseOffice {
 public:
  virtual ~LeaseOffice() = default;
  virtual void AddLease(HeldId block) = 0;
  virtual void EndLease(HeldId block) = 0;
};

// Move-only. Must not outlive its office.
class BlockLease {
 public:
  // The caller has counted this lease already.
  BlockLease(LeaseOffice* office, HeldId block, SlotIndex slot)
      : office_(office), block_(block), slot_(slot) {}
  BlockLease(BlockLease&& other) noexcept
      : office_(std::exchange(other.office_, nullptr)), block_(other.block_), slot_(other.slot_) {}
  BlockLease& operator=(BlockLease&& other) noexcept {
    if (this != &other) {
      if (office_ != nullptr) office_->EndLease(block_);
      office_ = std::exchange(other.office_, nullptr);
      block_ = other.block_;
      slot_ = other.slot_;
    }
    return *this;
  }
  ~BlockLease() {
    if (office_ != nullptr) office_->EndLease(block_);
  }

  BlockLease Share() const {  // another lease on the same copy
    CAIRN_CHECK(office_ != nullptr);
    office_->AddLease(block_);
    return BlockLease(office_, block_, slot_);
  }
  HeldId block() const { return block_; }
  SlotIndex slot() const { return slot_; }  // in the device tier

 private:
  LeaseOffice* office_;
  HeldId block_;
  SlotIndex slot_;
};

}  // namespace cairn
