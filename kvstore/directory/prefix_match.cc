// How the prefix index is searched. The rest of it is in prefix_index.cc.
#include <algorithm>
#include <iterator>

#include "kvstore/directory/prefix_index.h"

namespace cairn {
namespace {

// The largest n so that holds(0) .. holds(n - 1), if whoever holds a block holds those before it:
// steps that double, then halve. O(log n) questions.
template <typename Holds>
uint32_t LongestPrefix(size_t size, Holds holds) {
  const auto limit = static_cast<uint32_t>(size);
  uint32_t held = 0;
  uint32_t beyond = limit;  // at most so many are held
  for (uint32_t step = 1; held < limit; step *= 2) {
    const uint32_t next = std::min(limit - held, step) + held;
    if (!holds(next - 1)) {
      beyond = next - 1;
      break;
    }
    held = next;
  }
  while (held < beyond) {
    const uint32_t middle = held + (beyond - held + 1) / 2;
    if (holds(middle - 1)) {
      held = middle;
    } else {
      beyond = middle - 1;
    }
  }
  return held;
}

}  // namespace

void PrefixMatches::Clear() {
  for (const HolderId holder : touched_) matches_[holder] = {};
  touched_.clear();
  best_blocks_ = 0;
}

PrefixMatch& PrefixMatches::Raise(HolderId holder) {
  if (holder >= matches_.size()) matches_.resize(size_t{holder} + 1);
  touched_.push_back(holder);
  return matches_[holder];
}

TierMask PrefixIndex::TiersOf(HolderId holder, const BlockKey& key) const {
  const std::optional<uint64_t> place = cells_.Find(TagOf(key));
  if (!place) return 0;
  const std::span<const HolderWord> words = WordsOf(cells_.at(*place));
  const size_t position = PositionOf(words, holder);
  const bool held = position < words.size() && words[position].holder() == holder;
  return held ? words[position].tiers() : TierMask{0};
}

PrefixIndex::Holders PrefixIndex::HoldersOf(const BlockKey& key, TierMask tiers) const {
  Holders holders;
  const std::optional<uint64_t> place = cells_.Find(TagOf(key));
  if (!place) return holders;
  for (const HolderWord word : WordsOf(cells_.at(*place))) {
    if ((word.tiers() & tiers) != 0 && IsIn(word.holder())) holders.push_back(word.holder());
  }
  return holders;
}

bool PrefixIndex::HeldByAny(const BlockKey& key, TierMask tiers) const {
  const std::optional<uint64_t> place = cells_.Find(TagOf(key));
  if (!place) return false;
  const std::span<const HolderWord> words = WordsOf(cells_.at(*place));
  return std::any_of(words.begin(), words.end(), [this, tiers](HolderWord word) {
    return (word.tiers() & tiers) != 0 && IsIn(word.holder());
  });
}

PrefixMatch PrefixIndex::Match(HolderId holder, std::span<const BlockKey> chain,
                               TierMask tiers) const {
  PrefixMatch match;
  if (holder >= lives_.size() || !IsIn(holder)) return match;
  match.blocks = LongestPrefix(
      chain.size(), [&](uint32_t block) { return (TiersOf(holder, chain[block]) & tiers) != 0; });
  if (match.blocks == 0) return match;
  const auto on_device = [&](uint32_t block) {
    return (TiersOf(holder, chain[block]) & tiers & kOnDevice) != 0;
  };
  match.device_blocks =
      on_device(match.blocks - 1) ? match.blocks : LongestPrefix(match.blocks, on_device);
  return match;
}

BestMatch PrefixIndex::Best(std::span<const BlockKey> chain, TierMask tiers) const {
  BestMatch best;
  best.blocks =
      LongestPrefix(chain.size(), [&](uint32_t block) { return HeldByAny(chain[block], tiers); });
  if (best.blocks == 0) return best;
  const Holders holders = HoldersOf(chain[best.blocks - 1], tiers);
  best.holders.assign(holders.begin(), holders.end());
  return best;
}

void PrefixIndex::MatchAll(std::span<const BlockKey> chain, PrefixMatches& matches) const {
  matches.Clear();
  for (const TierMask tiers : {kAnyTier, kOnDevice}) {
    const uint32_t best =
        LongestPrefix(chain.size(), [&](uint32_t block) { return HeldByAny(chain[block], tiers); });
    if (best == 0) break;
    const Holders first = HoldersOf(chain[0], tiers);
    const Holders last = HoldersOf(chain[best - 1], tiers);
    for (const HolderId holder : last) {
      PrefixMatch& match = matches.Raise(holder);
      (tiers == kAnyTier ? match.blocks : match.device_blocks) = best;
    }
    Divide(chain, tiers, 0, first, best - 1, last, matches);
    if (tiers == kAnyTier) matches.best_blocks_ = best;
  }
  // Where heads were forgotten, the two searches may disagree.
  for (const HolderId holder : matches.touched_) {
    PrefixMatch& match = matches.matches_[holder];
    match.device_blocks = std::min(match.device_blocks, match.blocks);
  }
}

// Those who hold block `low` and not block `high` stop somewhere between.
void PrefixIndex::Divide(std::span<const BlockKey> chain, TierMask tiers, uint32_t low,
                         const Holders& at_low, uint32_t high, const Holders& at_high,
                         PrefixMatches& matches) const {
  Holders stop;
  std::set_difference(at_low.begin(), at_low.end(), at_high.begin(), at_high.end(),
                      std::back_inserter(stop));
  if (stop.empty()) return;
  if (high - low == 1) {
    for (const HolderId holder : stop) {
      PrefixMatch& match = matches.Raise(holder);
      uint32_t& blocks = tiers == kAnyTier ? match.blocks : match.device_blocks;
      blocks = std::max(blocks, low + 1);
    }
    return;
  }
  const uint32_t middle = low + (high - low) / 2;
  const Holders at_middle = HoldersOf(chain[middle], tiers);
  Divide(chain, tiers, low, at_low, middle, at_middle, matches);
  Divide(chain, tiers, middle, at_middle, high, at_high, matches);
}

}  // namespace cairn
