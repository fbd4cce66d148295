#include "kvstore/directory/prefix_index.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr uint64_t kCellsMin = 64;
constexpr uint64_t kSweptWithAChange = 4;  // cells
constexpr uint32_t kForgetCandidates = 32;
constexpr uint64_t kAgesOfAFullIndex =
    64;  // steps of the coarse time while every block is used once
// A step of age weighs as much as so much depth: a chain that was written while a step passed still
// loses its tail first.
constexpr uint32_t kDepthOfAnAge = 32;
constexpr uint32_t kDepthMax = 1023;

uint64_t CellsFor(uint64_t bytes) { return std::max(kCellsMin, bytes / 8 * 7 / sizeof(BlockCell)); }

}  // namespace

PrefixIndex::PrefixIndex(const PrefixIndexLimits& limits)
    : cells_(CellsFor(limits.bytes_max)),
      lists_(limits.bytes_max / 8),
      blocks_max_(cells_.cells() / 4 * 3) {}

uint64_t PrefixIndex::bytes_max() const {
  return cells_.cells() * sizeof(BlockCell) + lists_.bytes_max();
}

HolderId PrefixIndex::Join() {
  HolderId holder = kNoHolder;
  if (!free_lives_.empty()) {
    holder = free_lives_.back();
    free_lives_.pop_back();
  } else if (lives_.size() < kHoldersMax) {
    holder = static_cast<HolderId>(lives_.size());
    lives_.emplace_back();
  } else {
    return kNoHolder;
  }
  lives_[holder] = Life{.state = LifeState::kIn};
  return holder;
}

void PrefixIndex::Leave(HolderId holder) {
  CAIRN_CHECK(IsIn(holder));
  lives_[holder].state = LifeState::kLeft;
  ++leaving_;
  if (lives_[holder].blocks > 0) return;
  lives_[holder].state = LifeState::kFree;
  --leaving_;
  free_lives_.push_back(holder);
}

void PrefixIndex::Uncount(HolderId holder) {
  Life& life = lives_[holder];
  CAIRN_CHECK_GT(life.blocks, 0u);
  if (--life.blocks > 0 || life.state != LifeState::kLeft) return;
  life.state = LifeState::kFree;
  --leaving_;
  free_lives_.push_back(holder);
}

std::span<const HolderWord> PrefixIndex::WordsOf(const BlockCell& cell) const {
  switch (cell.kind) {
    case CellKind::kEmpty:
      return {};
    case CellKind::kOne:
      return {cell.few.data(), 1};
    case CellKind::kTwo:
      return {cell.few.data(), 2};
    case CellKind::kList:
      return lists_.words(cell.list());
  }
  return {};
}

void PrefixIndex::AddWord(BlockCell& cell, HolderWord word) {
  const std::span<const HolderWord> words = WordsOf(cell);
  const size_t position = PositionOf(words, word.holder());
  if (position < words.size() && words[position].holder() == word.holder()) {
    HolderWord& mine =
        cell.kind == CellKind::kList ? lists_.words(cell.list())[position] : cell.few[position];
    mine = HolderWord::Of(word.holder(), static_cast<TierMask>(mine.tiers() | word.tiers()));
    return;
  }
  if (words.size() < cell.few.size()) {
    if (position == 0) cell.few[1] = cell.few[0];
    cell.few[position] = word;
    cell.kind = words.empty() ? CellKind::kOne : CellKind::kTwo;
    ++lives_[word.holder()].blocks;
    return;
  }
  uint32_t list = HolderListPool::kNoList;
  if (cell.kind == CellKind::kList) {
    list = lists_.Insert(cell.list(), position, word);
  } else {
    std::array<HolderWord, 3> three = {cell.few[0], cell.few[1], cell.few[1]};
    if (position == 0) three[1] = cell.few[0];
    three[position] = word;
    list = lists_.Make(three);
  }
  if (list == HolderListPool::kNoList) {
    if (word.tiers() != kExpected) ++lives_[word.holder()].forgotten;
    return;
  }
  cell.set_list(list);
  cell.kind = CellKind::kList;
  ++lives_[word.holder()].blocks;
}

// The cell may be left without words; its place is then the caller's to give back.
void PrefixIndex::EraseWord(BlockCell& cell, size_t position) {
  Uncount(WordsOf(cell)[position].holder());
  if (cell.kind != CellKind::kList) {
    if (position == 0) cell.few[0] = cell.few[1];
    cell.kind = cell.kind == CellKind::kTwo ? CellKind::kOne : CellKind::kEmpty;
    return;
  }
  const uint32_t list = cell.list();
  lists_.Erase(list, position);
  const std::span<const HolderWord> left = lists_.words(list);
  if (left.size() > cell.few.size()) return;
  std::copy(left.begin(), left.end(), cell.few.begin());
  cell.kind = CellKind::kTwo;
  lists_.Free(list);
}

void PrefixIndex::Prune(BlockCell& cell) {
  if (leaving_ == 0) return;
  for (size_t i = WordsOf(cell).size(); i > 0; --i) {
    if (!IsIn(WordsOf(cell)[i - 1].holder())) EraseWord(cell, i - 1);
  }
}

void PrefixIndex::EraseCell(uint64_t place) {
  BlockCell& cell = cells_.at(place);
  for (const HolderWord word : WordsOf(cell)) {
    if (word.tiers() != kExpected) ++lives_[word.holder()].forgotten;
    Uncount(word.holder());
  }
  if (cell.kind == CellKind::kList) lists_.Free(cell.list());
  cells_.Erase(place);
}

void PrefixIndex::PassTime() {
  if (++uses_ % (blocks_max_ / kAgesOfAFullIndex + 1) == 0) ++age_;
  if (leaving_ > 0) Sweep(kSweptWithAChange);
}

void PrefixIndex::Publish(HolderId holder, const HeldBlock& block) {
  Add(holder, block.key, block.depth, MaskOf(block.tier));
}

void PrefixIndex::Expect(HolderId holder, const BlockKey& key, uint32_t depth) {
  Add(holder, key, depth, kExpected);
}

void PrefixIndex::Remove(HolderId holder, const BlockKey& key, Tier tier) {
  if (Take(holder, key, MaskOf(tier))) return;
  if (lives_[holder].forgotten > 0) --lives_[holder].forgotten;
}

void PrefixIndex::GiveUp(HolderId holder, const BlockKey& key) {
  (void)Take(holder, key, kExpected);  // it may have been forgotten
}

void PrefixIndex::Add(HolderId holder, const BlockKey& key, uint32_t depth, TierMask tiers) {
  CAIRN_CHECK(IsIn(holder));
  PassTime();
  const BlockTag tag = TagOf(key);
  std::optional<uint64_t> place = cells_.Find(tag);
  if (!place) {
    if (cells_.size() >= blocks_max_) ForgetOne();
    place = cells_.Insert(tag);
    cells_.at(*place).depth =
        static_cast<uint16_t>(std::min<uint32_t>(depth, std::numeric_limits<uint16_t>::max()));
  } else {
    Prune(cells_.at(*place));
  }
  BlockCell& cell = cells_.at(*place);
  cell.age = age_;
  AddWord(cell, HolderWord::Of(holder, tiers));
}

// False: nothing is known of this holder and block.
bool PrefixIndex::Take(HolderId holder, const BlockKey& key, TierMask tiers) {
  CAIRN_CHECK(IsIn(holder));
  PassTime();
  const std::optional<uint64_t> place = cells_.Find(TagOf(key));
  const std::span<const HolderWord> words =
      place ? WordsOf(cells_.at(*place)) : std::span<const HolderWord>();
  const size_t position = PositionOf(words, holder);
  if (position == words.size() || words[position].holder() != holder) return false;
  BlockCell& cell = cells_.at(*place);
  const auto left = static_cast<TierMask>(words[position].tiers() & ~tiers);
  if (left != 0) {
    HolderWord& mine =
        cell.kind == CellKind::kList ? lists_.words(cell.list())[position] : cell.few[position];
    mine = HolderWord::Of(holder, left);
    return true;
  }
  EraseWord(cell, position);
  if (cell.kind == CellKind::kEmpty) cells_.Erase(*place);
  return true;
}

void PrefixIndex::Touch(std::span<const BlockKey> chain) {
  for (const BlockKey& key : chain) {
    const std::optional<uint64_t> place = cells_.Find(TagOf(key));
    if (!place) return;
    cells_.at(*place).age = age_;
  }
}

void PrefixIndex::Sweep(uint64_t cells) {
  for (uint64_t i = 0; i < cells && leaving_ > 0; ++i) {
    BlockCell& cell = cells_.at(hand_);
    const bool taken = cell.kind != CellKind::kEmpty;
    if (taken) Prune(cell);
    if (taken && cell.kind == CellKind::kEmpty) {
      cells_.Erase(hand_);  // what moved into its place is looked at next
    } else {
      hand_ = cells_.Next(hand_);
    }
  }
}

void PrefixIndex::ForgetOne() {
  std::optional<uint64_t> victim;
  const auto burden = [this](uint64_t place) {  // the more, the sooner it goes
    const BlockCell& cell = cells_.at(place);
    const auto idle = static_cast<uint8_t>(age_ - cell.age);
    return uint32_t{idle} * kDepthOfAnAge + std::min<uint32_t>(cell.depth, kDepthMax);
  };
  for (uint32_t seen = 0; seen < kForgetCandidates; hand_ = cells_.Next(hand_)) {
    BlockCell& cell = cells_.at(hand_);
    if (cell.kind == CellKind::kEmpty) continue;
    ++seen;
    Prune(cell);
    if (cell.kind == CellKind::kEmpty) {  // nobody's any more
      cells_.Erase(hand_);
      return;
    }
    if (!victim || burden(hand_) > burden(*victim)) victim = hand_;
  }
  EraseCell(*victim);
}

}  // namespace cairn
