// The least of many ranks that change one at a time, leftmost first: a tree of sixteen children a
// node, each level an array, so that a node is one cache line and its least child a few vector
// instructions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kvstore/base/check.h"
#include "scheduler/tokenizer/merge_table.h"

namespace cairn {

class RankTree {
 public:
  // For places [0, size), none of which has a rank yet.
  void Reset(size_t size) {
    depth_ = 0;
    do {
      CAIRN_CHECK_LT(depth_, levels_.size());
      size = (size + kFan - 1) / kFan * kFan;
      levels_[depth_++].assign(size, kNever);
      size /= kFan;
    } while (size > 1);
  }

  // Counts once Build is called.
  void Place(size_t place, uint32_t rank) {
    CAIRN_CHECK_LT(place, levels_[0].size());
    levels_[0][place] = Entry(rank, place);
  }
  void Build() {
    for (size_t level = 1; level < depth_; ++level) {
      for (size_t i = 0; i < levels_[level - 1].size() / kFan; ++i) {
        levels_[level][i] = Above(level - 1, i);
      }
    }
  }

  void Set(size_t place, uint32_t rank) {
    levels_[0][place] = Entry(rank, place);
    for (size_t level = 1; level < depth_; ++level) {
      place /= kFan;
      const int32_t least = Above(level - 1, place);
      if (levels_[level][place] == least) return;
      levels_[level][place] = least;
    }
  }

  // The place of the least rank, the leftmost of equals; kNone if none has one.
  static constexpr size_t kNone = ~size_t{0};
  size_t Least() const {
    size_t place = 0;
    for (size_t level = depth_; level-- > 0;) {
      const int32_t least = LeastOf(&levels_[level][place * kFan]);
      if (least == kNever) return kNone;
      place = place * kFan + static_cast<size_t>(least & (kFan - 1));
    }
    return place;
  }

 private:
  // An entry is rank * 16 + its place among its siblings: the least entry says where it is.
  static constexpr int32_t kFan = 16;
  static constexpr int32_t kNever = 0x7fffffff;
  static_assert(MergeTable::kMergesMax <= kNever / kFan);

  static int32_t Entry(uint32_t rank, size_t place) {
    if (rank == Merge::kNever) return kNever;
    return static_cast<int32_t>(rank * kFan | (place & (kFan - 1)));
  }
  // Vectors by hand, as compilers leave this loop alone at -O2.
  static int32_t LeastOf(const int32_t* siblings) {
    using Four = int32_t __attribute__((vector_size(16)));
    Four at[4];
    std::memcpy(at, siblings, sizeof at);
    const auto least = [](Four a, Four b) { return a < b ? a : b; };
    const Four all = least(least(at[0], at[1]), least(at[2], at[3]));
    return std::min(std::min(all[0], all[1]), std::min(all[2], all[3]));
  }
  int32_t Above(size_t level, size_t node) const {
    const int32_t least = LeastOf(&levels_[level][node * kFan]);
    if (least == kNever) return kNever;
    return (least & ~(kFan - 1)) | static_cast<int32_t>(node & (kFan - 1));
  }

  std::array<std::vector<int32_t>, 8> levels_;  // the leaves first; each a multiple of kFan
  size_t depth_ = 0;
};

}  // namespace cairn
