// Words seen before and the tokens they became. Text repeats itself: in prose and code nine words
// of ten are found here. One call of Encode owns one cache, so there is nothing to lock.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "kvstore/base/ids.h"
#include "scheduler/tokenizer/hash_bytes.h"

namespace cairn {

// Direct-mapped: a word has one place and the newest one keeps it. An entry is one cache line.
class WordCache {
 public:
  static constexpr size_t kWordBytesMax = 30;
  static constexpr size_t kTokensMax = 8;

  struct alignas(64) Entry {
    uint8_t bytes = 0;  // 0: empty
    uint8_t tokens = 0;
    char text[kWordBytesMax] = {};
    TokenId ids[kTokensMax] = {};
  };
  static_assert(sizeof(Entry) == 64);

  // As large as is worth clearing for a text of this size; at most 512 KiB.
  explicit WordCache(size_t text_bytes)
      : entries_(std::bit_ceil(std::clamp<size_t>(text_bytes / 64, 16, 8192))) {}

  // The place of a word. REQUIRES: 0 < word.size() <= kWordBytesMax.
  Entry& PlaceOf(std::string_view word) {
    return entries_[HashBytes(word) & (entries_.size() - 1)];
  }
  static bool Holds(const Entry& entry, std::string_view word) {
    return entry.bytes == word.size() && std::memcmp(entry.text, word.data(), word.size()) == 0;
  }
  static void Fill(Entry& entry, std::string_view word, std::span<const TokenId> tokens) {
    if (tokens.size() > kTokensMax) return;
    entry.bytes = static_cast<uint8_t>(word.size());
    entry.tokens = static_cast<uint8_t>(tokens.size());
    std::memcpy(entry.text, word.data(), word.size());
    std::copy(tokens.begin(), tokens.end(), entry.ids);
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace cairn
