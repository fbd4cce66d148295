#include "kvstore/tier/copy_table.h"

#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr size_t kDevice = TierNumber(Tier::kDevice);

}  // namespace

CopyTable::CopyTable(uint32_t block_tokens) : block_tokens_(block_tokens) {
  CAIRN_CHECK_GT(block_tokens, 0u);
}

std::optional<HeldId> CopyTable::Find(const BlockKey& key, const std::optional<BlockKey>& parent,
                                      std::span<const TokenId> tokens) const {
  const std::optional<HeldId> found = FindKey(key);
  if (!found) return std::nullopt;
  const HeldId block = *found;
  if (row(block).parent != parent) return std::nullopt;
  if (!std::ranges::equal(this->tokens(block), tokens)) return std::nullopt;
  return block;
}

std::optional<HeldId> CopyTable::FindKey(const BlockKey& key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? std::nullopt : std::optional(found->second);
}

HeldId CopyTable::Insert(const BlockKey& key, const std::optional<BlockKey>& parent,
                         std::span<const TokenId> tokens) {
  CAIRN_CHECK_EQ(tokens.size(), size_t{block_tokens_});
  const HeldId block = NewRow();
  CAIRN_CHECK(index_.emplace(key, block).second);
  Row& added = row(block);
  added.indexed = true;
  added.key = key;
  added.parent = parent;
  // The parent is here, or has gone before this block came.
  const auto above = parent ? index_.find(*parent) : index_.end();
  if (above != index_.end()) added.depth = row(above->second).depth + 1;
  std::ranges::copy(tokens, tokens_.begin() + size_t{block.value()} * block_tokens_);
  return block;
}

HeldId CopyTable::InsertPrivate(const BlockKey& key) {
  const HeldId block = NewRow();
  row(block).key = key;
  return block;
}

HeldId CopyTable::NewRow() {
  if (free_rows_.empty()) {
    rows_.emplace_back();
    tokens_.resize(rows_.size() * block_tokens_);
    free_rows_.push_back(HeldId(static_cast<uint32_t>(rows_.size() - 1)));
  }
  const HeldId block = free_rows_.back();
  free_rows_.pop_back();
  Row& added = rows_[block.value()];
  added = Row();
  added.live = true;
  added.last_use = ++uses_;
  return block;
}

CopyTable::Row& CopyTable::row(HeldId block) {
  Row& found = rows_[block.value()];
  CAIRN_CHECK(found.live);
  return found;
}

const CopyTable::Row& CopyTable::row(HeldId block) const {
  const Row& found = rows_[block.value()];
  CAIRN_CHECK(found.live);
  return found;
}

std::span<const TokenId> CopyTable::tokens(HeldId block) const {
  return std::span(tokens_).subspan(size_t{block.value()} * block_tokens_, block_tokens_);
}

SlotIndex CopyTable::slot(HeldId block, Tier tier) const {
  const Copy& copy = row(block).copies[TierNumber(tier)];
  CAIRN_CHECK(copy.state != CopyState::kNone);
  return copy.hold.slot();
}

uint64_t CopyTable::checksum(HeldId block, Tier tier) const {
  const Copy& copy = row(block).copies[TierNumber(tier)];
  CAIRN_CHECK(copy.state == CopyState::kReady);
  return copy.checksum;
}

void CopyTable::Place(HeldId block, Tier tier, SlotHold hold, CopyState state) {
  CAIRN_CHECK(state == CopyState::kArriving || state == CopyState::kReady);
  Row& at = row(block);
  Copy& copy = at.copies[TierNumber(tier)];
  CAIRN_CHECK(copy.state == CopyState::kNone);
  copy.state = state;
  copy.hold = std::move(hold);
  ++copies_[TierNumber(tier)];
  CountChild(at, tier, +1);
  RefreshParent(at.parent);
  Refresh(block);
  TellReady(at, tier);
}

void CopyTable::MarkReady(HeldId block, Tier tier, uint64_t checksum) {
  Row& at = row(block);
  Copy& copy = at.copies[TierNumber(tier)];
  CAIRN_CHECK(copy.state == CopyState::kArriving);
  copy.state = CopyState::kReady;
  copy.checksum = checksum;
  TellReady(at, tier);
  ++changes_;
  Refresh(block);
}

void CopyTable::Drop(HeldId block, Tier tier) {
  const Row& at = row(block);
  CAIRN_CHECK(at.copies[TierNumber(tier)].state != CopyState::kNone);
  CAIRN_CHECK(tier != Tier::kDevice || !at.leaving);
  EraseCopy(block, tier);
}

void CopyTable::Lose(HeldId block) {
  Row& at = row(block);
  CAIRN_CHECK(at.copies[kDevice].state == CopyState::kArriving);
  CAIRN_CHECK(at.copies[TierNumber(Tier::kDram)].state == CopyState::kNone);
  CAIRN_CHECK_GT(at.leases, 0u);
  CountChild(at, Tier::kDevice, -1);
  CAIRN_CHECK_EQ(index_.erase(at.key), 1u);
  const std::optional<BlockKey> parent = std::exchange(at.parent, std::nullopt);
  at.indexed = false;
  at.copies[kDevice].state = CopyState::kLost;
  ++changes_;
  ++losses_;
  RefreshParent(parent);
}

void CopyTable::StartReading(HeldId block, Tier tier) {
  Copy& copy = row(block).copies[TierNumber(tier)];
  CAIRN_CHECK(copy.state == CopyState::kReady);
  ++copy.readers;
  Refresh(block);
}

void CopyTable::StopReading(HeldId block, Tier tier) {
  Copy& copy = row(block).copies[TierNumber(tier)];
  CAIRN_CHECK_GT(copy.readers, 0u);
  --copy.readers;
  ++changes_;
  Refresh(block);
  if (tier == Tier::kDevice) DropLeaving(block);
}

void CopyTable::MarkLeaving(HeldId block) {
  const Row& at = row(block);
  CAIRN_CHECK(at.indexed && !at.leaving);
  CAIRN_CHECK(at.copies[kDevice].state == CopyState::kReady);
  CAIRN_CHECK_EQ(at.leases, 0u);
  SetLeaving(block, true);
  DropLeaving(block);
}

void CopyTable::Touch(HeldId block) {
  Row& at = row(block);
  const uint64_t now = ++uses_;
  for (size_t tier = 0; tier < kTierCount; ++tier) {
    if (!at.copies[tier].ordered) continue;
    orders_[tier].Remove(block, at.last_use);
    orders_[tier].Add(block, now);
  }
  at.last_use = now;
}

void CopyTable::AddLease(HeldId block) {
  Row& at = row(block);
  const CopyState state = at.copies[kDevice].state;
  CAIRN_CHECK(state == CopyState::kArriving || state == CopyState::kReady);
  ++at.leases;
  if (at.leaving) SetLeaving(block, false);
  Refresh(block);
}

void CopyTable::EndLease(HeldId block) {
  Row& at = row(block);
  CAIRN_CHECK_GT(at.leases, 0u);
  --at.leases;
  if (at.leases > 0) return;
  if (!at.indexed) {
    EraseCopy(block, Tier::kDevice);
    return;
  }
  ++changes_;
  Touch(block);
  Refresh(block);
}

// All that is true of a copy that may be told to go. A child that is leaving will be gone first.
bool CopyTable::MayGo(const Row& at, Tier tier) const {
  const Copy& copy = at.copies[TierNumber(tier)];
  if (copy.state != CopyState::kReady || copy.readers > 0 || !at.indexed) return false;
  const Children children = ChildrenOf(at.key);
  if (tier != Tier::kDevice) return children.all[TierNumber(tier)] == 0;
  return at.leases == 0 && !at.leaving && children.all[kDevice] == children.leaving;
}

// Brings the orders and the count of idle copies up to date with one row.
void CopyTable::Refresh(HeldId block) {
  Row& at = row(block);
  for (Tier tier : kTiers) {
    Copy& copy = at.copies[TierNumber(tier)];
    const bool may_go = MayGo(at, tier);
    if (may_go == copy.ordered) continue;
    copy.ordered = may_go;
    EvictionOrder& order = orders_[TierNumber(tier)];
    may_go ? order.Add(block, at.last_use) : order.Remove(block, at.last_use);
  }
  const Copy& device = at.copies[kDevice];
  const bool idle = device.state == CopyState::kReady && device.readers == 0 && at.leases == 0 &&
                    at.indexed && !at.leaving;
  if (idle != at.idle) idle ? ++idle_ : --idle_;
  at.idle = idle;
}

CopyTable::Children CopyTable::ChildrenOf(const BlockKey& key) const {
  const auto found = children_.find(key);
  return found == children_.end() ? Children() : found->second;
}

void CopyTable::CountChild(const Row& child, Tier tier, int change) {
  if (!child.indexed || !child.parent) return;
  Children& children = children_[*child.parent];
  uint32_t& count = children.all[TierNumber(tier)];
  CAIRN_CHECK(change > 0 || count > 0);
  count += static_cast<uint32_t>(change);
  if (children.all == decltype(children.all){}) children_.erase(*child.parent);
}

void CopyTable::CountLeavingChild(const Row& child, int change) {
  if (!child.parent) return;
  Children& children = children_[*child.parent];
  CAIRN_CHECK(change > 0 || children.leaving > 0);
  children.leaving += static_cast<uint32_t>(change);
}

void CopyTable::RefreshParent(const std::optional<BlockKey>& parent) {
  if (!parent) return;
  const auto found = index_.find(*parent);
  if (found != index_.end()) Refresh(found->second);
}

void CopyTable::SetLeaving(HeldId block, bool leaving) {
  Row& at = row(block);
  CAIRN_CHECK(at.leaving != leaving);
  at.leaving = leaving;
  leaving ? ++leaving_ : --leaving_;
  CountLeavingChild(at, leaving ? +1 : -1);
  Refresh(block);
  RefreshParent(at.parent);
}

// Drops the copy if it is leaving and nothing keeps it, then its parent, and so on towards the
// head.
void CopyTable::DropLeaving(HeldId block) {
  for (std::optional<HeldId> next = block; next;) {
    const Row& at = row(*next);
    if (!at.leaving || at.copies[kDevice].readers > 0) return;
    if (ChildrenOf(at.key).all[kDevice] > 0) return;
    const std::optional<BlockKey> parent = at.parent;
    SetLeaving(*next, false);
    EraseCopy(*next, Tier::kDevice);
    ++device_drops_;
    const auto found = parent ? index_.find(*parent) : index_.end();
    next = found == index_.end() ? std::nullopt : std::optional(found->second);
  }
}

void CopyTable::EraseCopy(HeldId block, Tier tier) {
  Row& at = row(block);
  Copy& copy = at.copies[TierNumber(tier)];
  CAIRN_CHECK_EQ(copy.readers, 0u);
  CAIRN_CHECK(tier != Tier::kDevice || at.leases == 0);
  TellGone(at, tier);
  if (copy.state != CopyState::kLost) CountChild(at, tier, -1);
  if (copy.state == CopyState::kArriving) ++losses_;
  copy.state = CopyState::kNone;
  Refresh(block);
  copy = Copy();  // gives the slot back
  --copies_[TierNumber(tier)];
  ++changes_;
  const std::optional<BlockKey> parent = at.parent;
  const bool empty = std::ranges::all_of(
      at.copies, [](const Copy& other) { return other.state == CopyState::kNone; });
  if (empty) {
    if (at.indexed) CAIRN_CHECK_EQ(index_.erase(at.key), 1u);
    at.live = false;
    free_rows_.push_back(block);
  }
  RefreshParent(parent);
}

void CopyTable::SetWitness(CopyWitness& witness) {
  CAIRN_CHECK_EQ(rows(), 0u);
  witness_ = &witness;
}

uint32_t CopyTable::FoundCopies(const Row& row) {
  uint32_t found = 0;
  for (Tier tier : kTiers) found += IsFound(row, tier);
  return found;
}

void CopyTable::TellReady(const Row& at, Tier tier) {
  if (!IsFound(at, tier)) return;
  if (FoundCopies(at) == 1) ++found_;
  if (witness_ != nullptr) witness_->OnReady({at.key, at.depth, tier});
}

void CopyTable::TellGone(const Row& at, Tier tier) {
  if (!IsFound(at, tier)) return;
  if (FoundCopies(at) == 1) --found_;
  if (witness_ != nullptr) witness_->OnGone({at.key, at.depth, tier});
}

void CopyTable::Audit() const {
  uint32_t idle = 0, leaving = 0, found = 0;
  std::array<uint32_t, kTierCount> copies{}, ordered{};
  absl::flat_hash_map<BlockKey, Children> children;
  for (uint32_t i = 0; i < rows_.size(); ++i) {
    const Row& at = rows_[i];
    if (!at.live) continue;
    if (at.indexed) CAIRN_CHECK(index_.at(at.key) == HeldId(i));
    idle += at.idle;
    leaving += at.leaving;
    found += FoundCopies(at) > 0;
    for (Tier tier : kTiers) {
      const Copy& copy = at.copies[TierNumber(tier)];
      CAIRN_CHECK_EQ(copy.ordered, MayGo(at, tier));
      CAIRN_CHECK_EQ(copy.state != CopyState::kNone, static_cast<bool>(copy.hold));
      copies[TierNumber(tier)] += copy.state != CopyState::kNone;
      ordered[TierNumber(tier)] += copy.ordered;
      if (copy.state == CopyState::kNone || !at.indexed || !at.parent) continue;
      ++children[*at.parent].all[TierNumber(tier)];
    }
    if (at.leaving && at.parent) ++children[*at.parent].leaving;
    // I5: an evicted head would strand its tail. (A head that was lost on its way does so too.)
    if (losses_ == 0 && at.indexed && at.parent && at.copies[kDevice].state == CopyState::kReady) {
      const auto parent = index_.find(*at.parent);
      CAIRN_CHECK(parent != index_.end());
      CAIRN_CHECK(row(parent->second).copies[kDevice].state != CopyState::kNone);
    }
  }
  CAIRN_CHECK_EQ(idle, idle_);
  CAIRN_CHECK_EQ(leaving, leaving_);
  CAIRN_CHECK_EQ(found, found_);
  CAIRN_CHECK(copies == copies_);
  CAIRN_CHECK_EQ(children.size(), children_.size());
  for (size_t tier = 0; tier < kTierCount; ++tier) {
    CAIRN_CHECK_EQ(ordered[tier], orders_[tier].size());
  }
}

}  // namespace cairn
