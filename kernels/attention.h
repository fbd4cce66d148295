// Attention over paged KV for one step of the engine: decodes and prefill chunks of many sequences
// together, in tasks that any threads may run in any order.
//
// A row's result has the same bits whether it is computed alone, in any chunk, in any batch, by any
// number of threads and in any order of tasks, by construction:
//   - context is cut into partitions of 256 tokens at absolute positions;
//   - inside a partition a row's operations have one order: each score is a chain over the head's
//     dims, then the maximum, the exponentials, their sum lane by lane, and for each dim a chain
//     over the tokens that the row sees, in ascending order;
//   - partitions are merged in ascending order by one function.
// What a row does not see (later tokens, those before its window, stale bytes of the last block) is
// left out by selection: not even a NaN there reaches a result. Tiles multiply it by zero, which
// adds nothing to the bit, and make a sum again without it where the product was no number. Keys
// and values are widened to float and multiplied as floats; queries and weights are not rounded to
// bf16 unless asked for (AttentionArithmetic: how a chain is made of tokens or dims is part of it).
// int8 KV meets queries of 15 and weights of 14 bits where there is VNNI.
// Over bf16 KV and in floats, levels with fused multiply-add (kAvx2 and above) agree in every bit.
//
//   AttentionPlan plan(AttentionKernelsFor(level), shape, items, workers);   // once a step and
//   class for each layer of the class: any thread: plan.RunTask(i, layer, its scratch) for every i
//   once
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/cpu_level.h"
#include "kernels/kv_layout.h"

namespace cairn {

// With what queries and weights meet bf16 keys and values. kFloat: as floats, exact to 1e-6 of what
// KV holds. kBf16: rounded to bf16 themselves, for vdpbf16ps. kBf16Tiles: rounded too, for AMX,
// whose tiles add in an order of their own. At next to no cost in quality (docs/numbers/quality.md)
// each is faster than the one before, and each needs more of a machine.
enum class AttentionArithmetic : uint8_t { kFloat, kBf16, kBf16Tiles };

std::string_view AttentionArithmeticName(AttentionArithmetic arithmetic);
std::optional<AttentionArithmetic> ParseAttentionArithmetic(std::string_view name);  // as the name

// What a request for `wanted` becomes on this machine: it, or the best below it that a level has.
// REQUIRES: the machine has the level.
AttentionArithmetic AttentionArithmeticOf(CpuLevel level, AttentionArithmetic wanted);

struct AttentionKernels;  // kernels/attention_tile.h
// REQUIRES: this machine has the level.
const AttentionKernels& AttentionKernelsFor(
    CpuLevel level, AttentionArithmetic wanted = AttentionArithmetic::kFloat);

struct AttentionShape {
  uint32_t query_heads = 0;  // a multiple of kv_heads; consecutive query heads share a KV head
  uint32_t kv_heads = 0;
  uint32_t head_dim = 0;
  float scale = 0;      // of the scores; 0: 1/sqrt(head_dim)
  uint32_t window = 0;  // a query at p sees j with p - window < j <= p; 0: all j <= p
};

// Consecutive positions of one sequence: one for a decode, a chunk's length for a prefill.
struct AttentionItem {
  uint32_t first_row = 0;       // its first row among the step's query and output rows
  uint32_t rows = 0;            // 1 or more
  uint32_t first_position = 0;  // of its first row in the sequence
  // Slot of each block of the sequence, from its start, up to the last row's position. Blocks
  // wholly before the window of every row are never looked at, and their entries may be anything.
  const uint32_t* block_table = nullptr;
};

// What differs from layer to layer. All KV of the items is already appended, the step's own rows
// too.
//   query, out  (row, query_head, head_dim) float; rows start query_stride and out_stride floats
//   apart
struct AttentionLayer {
  KvLayer kv;
  const std::byte* slots = nullptr;
  uint64_t slot_bytes = 0;
  const float* query = nullptr;
  size_t query_stride = 0;
  float* out = nullptr;
  size_t out_stride = 0;
};

// How a step's attention is cut into tasks. Made once for a step and a layer class and used for
// each of its layers, one layer at a time. `workers` only steers how finely work is cut.
class AttentionPlan {
 public:
  AttentionPlan(const AttentionKernels& kernels, const AttentionShape& shape,
                std::vector<AttentionItem> items, uint32_t workers);

  size_t task_count() const { return tasks_.size(); }
  // Bytes of scratch each worker needs, 64-aligned; nothing in it is kept between tasks.
  size_t scratch_bytes() const { return scratch_bytes_; }
  // Runs one task. Of one layer each task must run exactly once, on any thread; the last task to
  // end among those that share rows merges them. REQUIRES: task < task_count(); all tasks of the
  // layer before have ended.
  void RunTask(size_t task, const AttentionLayer& layer, std::byte* scratch) const;

 private:
  // The query rows of some positions of an item that share one KV head: they read K and V once.
  struct Tile {
    uint32_t item = 0;
    uint32_t kv_head = 0;
    uint32_t first = 0;      // first position's index in the item
    uint32_t positions = 0;  // how many
    uint32_t partition_begin = 0;
    uint32_t partition_end = 0;
    uint32_t task_partitions = 0;  // how many partitions a task takes; all: no partial results
    uint32_t tasks = 0;
    size_t partials = 0;  // offset in partials_, in floats
  };
  struct Task {
    uint32_t tile = 0;
    uint32_t partition_begin = 0;
    uint32_t partition_end = 0;
  };

  void CutIntoTiles(uint32_t workers);
  void CutIntoTasks(uint32_t workers);
  uint32_t TileRows(const Tile& tile) const { return tile.positions * group_; }
  // The keys of the groups from first_token on, of those that some row of the tile sees any of.
  void FindKeys(const Tile& tile, uint32_t first_token, const AttentionLayer& layer,
                std::span<const std::byte*> keys) const;
  // One partition of a tile, of those up to partition_end that a task computes one after another.
  void Attend(const Tile& tile, uint32_t partition, uint32_t partition_end,
              const AttentionLayer& layer, const float* query, float* scores, float* state) const;
  void Finish(const Tile& tile, const AttentionLayer& layer, const float* state) const;

  const AttentionKernels& kernels_;
  AttentionShape shape_;
  uint32_t group_ = 1;  // query heads that share a KV head
  std::vector<AttentionItem> items_;
  std::vector<Tile> tiles_;
  std::vector<Task> tasks_;
  size_t scratch_bytes_ = 0;
  size_t query_floats_ = 0;
  size_t score_floats_ = 0;
  mutable std::unique_ptr<float[]> partials_;               // one state a row and partition
  mutable std::unique_ptr<std::atomic<uint32_t>[]> ended_;  // tasks of each tile that have ended
};

}  // namespace cairn
