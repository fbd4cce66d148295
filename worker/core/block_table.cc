#include "worker/core/block_table.h"

#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

BlockCopy PendingCopy::copy() const {
  const SlotIndex from = std::visit([](const auto& held) { return held.slot(); }, source);
  return {.from = from, .to = to};
}

void BlockTable::AddPrefix(std::vector<BlockLease> prefix) {
  CAIRN_CHECK_EQ(blocks(), 0u);
  sealed_ = std::move(prefix);
  for (const BlockLease& lease : sealed_) slots_.push_back(lease.slot());
}

void BlockTable::AddFresh(SlotHold slot, uint32_t filled) {
  slots_.push_back(slot.slot());
  filling_.emplace_back(std::move(slot), block_tokens_, filled);
}

LeaseState BlockTable::Arrivals(const StoreCore& store) {
  for (; arrived_ < sealed_.size(); ++arrived_) {
    const LeaseState state = store.State(sealed_[arrived_]);
    if (state != LeaseState::kReady) return state;
  }
  return LeaseState::kReady;
}

void BlockTable::FillPartial(uint32_t tokens) {
  CAIRN_CHECK(!filling_.empty());
  CAIRN_CHECK_EQ(filling_.front().filled(), 0u);
  filling_.front().Append(tokens);
}

PendingCopy BlockTable::CopyLastLeased() {
  CAIRN_CHECK(!sealed_.empty() && !filling_.empty());
  CAIRN_CHECK_EQ(filling_.front().filled(), 0u);
  PendingCopy pending{.source = std::move(sealed_.back()), .to = filling_.front().slot()};
  slots_.erase(slots_.begin() + static_cast<ptrdiff_t>(sealed_.size()) - 1);
  sealed_.pop_back();
  arrived_ = std::min(arrived_, sealed_.size());
  filling_.front().Append(block_tokens_ - 1);
  return pending;
}

void BlockTable::Adopt(BlockLease lease) {
  CAIRN_CHECK(!filling_.empty());
  CAIRN_CHECK_EQ(filling_.front().filled(), 0u);
  CAIRN_CHECK_EQ(arrived_, sealed_.size());
  slots_[sealed_.size()] = lease.slot();
  filling_.pop_front();
  sealed_.push_back(std::move(lease));
  ++arrived_;
}

void BlockTable::Advance(uint32_t computed, const BlockChain& chain, StoreCore& store) {
  CAIRN_CHECK_LE(computed, capacity());
  uint32_t done = sealed_tokens() + partial_tokens();
  CAIRN_CHECK_LE(done, computed);
  while (done < computed) {
    FillingBlock& block = filling_.front();
    const uint32_t tokens = std::min(computed - done, block.capacity() - block.filled());
    block.Append(tokens);
    done += tokens;
    if (block.filled() < block.capacity()) return;
    const uint32_t number = static_cast<uint32_t>(sealed_.size());
    SealedBlock sealed = std::move(block).Seal(chain.key(number));
    filling_.pop_front();
    sealed_.push_back(store.Publish(std::move(sealed), chain, number, last_leased()));
    slots_[number] = sealed_.back().slot();
    arrived_ = sealed_.size();
  }
}

BlockTable BlockTable::ShareLeased() const {
  BlockTable shared(block_tokens_);
  std::vector<BlockLease> leases;
  leases.reserve(sealed_.size());
  for (const BlockLease& lease : sealed_) leases.push_back(lease.Share());
  shared.AddPrefix(std::move(leases));
  shared.arrived_ = arrived_;
  return shared;
}

std::optional<SlotHold> BlockTable::SharePartial() const {
  if (partial_tokens() == 0) return std::nullopt;
  return filling_.front().ShareSlot();
}

void BlockTable::DropEmpty() {
  while (!filling_.empty() && filling_.back().filled() == 0) {
    filling_.pop_back();
    slots_.pop_back();
  }
}

void BlockTable::Release() {
  filling_.clear();
  while (!sealed_.empty()) sealed_.pop_back();
  slots_.clear();
  arrived_ = 0;
}

}  // namespace cairn
