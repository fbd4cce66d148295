#include "scheduler/simulator/reuse_distance.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace cairn {
namespace {

constexpr size_t kWordBits = 64;
constexpr size_t kFirstUses = 1 << 16;

}  // namespace

ReuseDistance::ReuseDistance() : bits_(kFirstUses / kWordBits), tree_(kFirstUses / kGroup + 1) {}

void ReuseDistance::Set(uint64_t use) {
  bits_[use / kWordBits] |= uint64_t{1} << (use % kWordBits);
  for (size_t i = use / kGroup + 1; i < tree_.size(); i += i & (~i + 1)) ++tree_[i];
}

void ReuseDistance::Clear(uint64_t use) {
  bits_[use / kWordBits] &= ~(uint64_t{1} << (use % kWordBits));
  for (size_t i = use / kGroup + 1; i < tree_.size(); i += i & (~i + 1)) --tree_[i];
}

uint64_t ReuseDistance::CountFrom(uint64_t use) const {
  uint64_t before = 0;
  for (size_t i = use / kGroup; i > 0; i -= i & (~i + 1)) before += tree_[i];
  const size_t group_word = use / kGroup * (kGroup / kWordBits);
  for (size_t word = group_word; word < use / kWordBits; ++word) {
    before += static_cast<uint64_t>(std::popcount(bits_[word]));
  }
  const uint64_t below = (uint64_t{1} << (use % kWordBits)) - 1;
  before += static_cast<uint64_t>(std::popcount(bits_[use / kWordBits] & below));
  return distinct_ - before;
}

// Numbers the last uses anew, without the gaps that earlier ones left, with as much room again.
void ReuseDistance::Compact() {
  std::vector<std::pair<uint64_t, uint32_t>> by_use;  // use, block
  by_use.reserve(distinct_);
  for (uint32_t block = 0; block < last_use_.size(); ++block) {
    if (last_use_[block] != kNever) by_use.emplace_back(last_use_[block], block);
  }
  std::sort(by_use.begin(), by_use.end());
  const size_t uses = std::bit_ceil(std::max(kFirstUses, by_use.size() * 2));
  bits_.assign(uses / kWordBits, 0);
  tree_.assign(uses / kGroup + 1, 0);
  for (next_use_ = 0; next_use_ < by_use.size(); ++next_use_) {
    last_use_[by_use[next_use_].second] = next_use_;
    Set(next_use_);
  }
}

std::vector<std::optional<uint64_t>> ReuseDistance::Use(std::span<const uint32_t> blocks) {
  std::vector<std::optional<uint64_t>> distances(blocks.size());
  uint64_t before_use = kNever;  // of the block before
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i] >= last_use_.size()) last_use_.resize(size_t{blocks[i]} * 2 + 1, kNever);
    const uint64_t use = last_use_[blocks[i]];
    if (use != kNever) {
      // Blocks that were last used one behind the other: no need to count again.
      distances[i] = before_use != kNever && use + 1 == before_use ? *distances[i - 1] + 1
                                                                   : CountFrom(use) - 1;
    }
    before_use = use;
  }
  for (size_t i = blocks.size(); i-- > 0;) {
    if (next_use_ == bits_.size() * kWordBits) Compact();
    uint64_t& use = last_use_[blocks[i]];
    if (use == kNever)
      ++distinct_;
    else
      Clear(use);
    use = next_use_;
    Set(next_use_++);
  }
  return distances;
}

}  // namespace cairn
