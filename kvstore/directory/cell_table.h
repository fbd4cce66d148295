// The memory of the prefix index: one cell of 16 bytes for each block, in an open-addressing table
// (linear probing, deletion by moving back) whose size never changes, so that no decision ever
// waits for it to grow.
//
// A block is known by 64 bits of its key. With ten million blocks, a key that is not there is taken
// for one that is once in 10^12 lookups; the price is one wrong guess, since a worker compares
// whole keys and tokens before it serves a block.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>

#include "kvstore/base/prng.h"
#include "kvstore/block/block_key.h"
#include "kvstore/directory/holder_set.h"

namespace cairn {

using BlockTag = uint64_t;
constexpr BlockTag TagOf(const BlockKey& key) { return SplitMix64(key.high ^ SplitMix64(key.low)); }

enum class CellKind : uint8_t { kEmpty, kOne, kTwo, kList };

struct BlockCell {
  BlockTag tag;
  std::array<HolderWord, 2> few;  // kOne, kTwo: the holders. kList: the list's number
  uint16_t depth;                 // in its chain; saturates
  CellKind kind;
  uint8_t age;  // when it was last of use, in the index's coarse time

  uint32_t list() const { return few[0].bits | uint32_t{few[1].bits} << 16; }
  void set_list(uint32_t list) {
    few = {HolderWord{static_cast<uint16_t>(list)}, HolderWord{static_cast<uint16_t>(list >> 16)}};
  }
};
static_assert(sizeof(BlockCell) == 16);

class CellTable {
 public:
  explicit CellTable(uint64_t cells);  // CHECKs at least 2

  std::optional<uint64_t> Find(BlockTag tag) const;
  // An empty cell with this tag, to be filled. REQUIRES: not there, and not every cell is taken.
  uint64_t Insert(BlockTag tag);
  // Later cells may move, into this place too.
  void Erase(uint64_t place);

  BlockCell& at(uint64_t place) { return cells_[place]; }
  const BlockCell& at(uint64_t place) const { return cells_[place]; }
  uint64_t Next(uint64_t place) const { return place + 1 == count_ ? 0 : place + 1; }
  uint64_t cells() const { return count_; }
  uint64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(BlockCell* cells) const { std::free(cells); }
  };

  uint64_t Home(BlockTag tag) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(tag) * count_) >> 64);
  }

  uint64_t count_;
  uint64_t size_ = 0;
  std::unique_ptr<BlockCell[], Free> cells_;
};

}  // namespace cairn
