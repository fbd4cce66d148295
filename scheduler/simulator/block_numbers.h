// Block ids as numbers from 0 in the order in which they first came: what is counted for each block
// is then an array. Prompts repeat each other, so what followed a block last time is looked at
// first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace cairn {

class BlockNumbers {
 public:
  // Of a prompt's blocks, in order; valid until the next call.
  std::span<const uint32_t> Of(std::span<const uint64_t> ids) {
    numbers_.clear();
    uint32_t before = kNone;
    for (const uint64_t id : ids) {
      const uint32_t number = NumberOf(id, before);
      numbers_.push_back(number);
      if (before != kNone) follower_[before] = number;
      before = number;
    }
    return numbers_;
  }

  uint32_t size() const { return static_cast<uint32_t>(ids_.size()); }

 private:
  static constexpr uint32_t kNone = ~0u;

  uint32_t NumberOf(uint64_t id, uint32_t before) {
    if (before != kNone && follower_[before] != kNone && ids_[follower_[before]] == id) {
      return follower_[before];
    }
    const auto [entry, is_new] = number_.try_emplace(id, size());
    if (is_new) {
      ids_.push_back(id);
      follower_.push_back(kNone);
    }
    return entry->second;
  }

  absl::flat_hash_map<uint64_t, uint32_t> number_;
  std::vector<uint64_t> ids_;       // by number
  std::vector<uint32_t> follower_;  // by number: what came behind it last
  std::vector<uint32_t> numbers_;
};

}  // namespace cairn
