// How long ago a block was last used, in other blocks: the size a least-recently-used cache must
// have to still hold it. One pass over a trace gives the hit rate of every size at once (Mattson et
// al., "Evaluation techniques for storage hierarchies", 1970).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cairn {

class ReuseDistance {
 public:
  ReuseDistance();

  // Blocks are numbers from 0, without large gaps (block_numbers.h). Of a prompt's blocks, in
  // order: how many other blocks were used since, if it was used before. A cache of so many blocks
  // and one more still holds it. Then uses the blocks, the last one first, so that a prompt's head
  // is younger than its tail: what such a cache evicts first is a tail, which is how a cache of
  // prefixes must evict.
  std::vector<std::optional<uint64_t>> Use(std::span<const uint32_t> blocks);

  size_t distinct_blocks() const { return distinct_; }

 private:
  static constexpr uint64_t kNever = ~uint64_t{0};
  static constexpr size_t kGroup = 512;  // uses counted together

  void Set(uint64_t use);
  void Clear(uint64_t use);
  uint64_t CountFrom(uint64_t use) const;  // last uses at `use` or later
  void Compact();

  // Uses are numbered; a bit says that the use was its block's last. Counts of groups of bits are
  // in a Fenwick tree (Fenwick, "A new data structure for cumulative frequency tables", 1994).
  std::vector<uint64_t> last_use_;  // by block; kNever
  size_t distinct_ = 0;
  std::vector<uint64_t> bits_;
  std::vector<uint32_t> tree_;
  uint64_t next_use_ = 0;
};

}  // namespace cairn
