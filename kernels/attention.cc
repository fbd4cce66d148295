#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "kernels/attention_tile.h"

namespace cairn {
namespace {

// Rows of a tile: enough that a partition of K and V, once in the second-level cache, serves many.
constexpr uint32_t kTileRows = 96;
// Tiles of at most so many rows may be split over the context: beyond, there are tasks enough, and
// the partial results would cost more than they gain.
constexpr uint32_t kSplitRows = 48;
constexpr uint32_t kTasksPerWorker = 8;
constexpr double kLog2E = 1.4426950408889634;

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "kernels/attention: %s\n", what);
  std::abort();
}

size_t AlignedFloats(size_t floats) { return (floats + 15) / 16 * 16; }

// The first token that a query at `position` sees.
uint32_t FirstSeen(uint32_t position, uint32_t window) {
  return window == 0 || position < window ? 0 : position - window + 1;
}

constexpr std::string_view kArithmeticNames[] = {"float", "bf16", "bf16-tiles"};

}  // namespace

std::string_view AttentionArithmeticName(AttentionArithmetic arithmetic) {
  return kArithmeticNames[static_cast<size_t>(arithmetic)];
}

std::optional<AttentionArithmetic> ParseAttentionArithmetic(std::string_view name) {
  for (size_t i = 0; i < std::size(kArithmeticNames); ++i) {
    if (kArithmeticNames[i] == name) return static_cast<AttentionArithmetic>(i);
  }
  return std::nullopt;
}

AttentionPlan::AttentionPlan(const AttentionKernels& kernels, const AttentionShape& shape,
                             std::vector<AttentionItem> items, uint32_t workers)
    : kernels_(kernels), shape_(shape), items_(std::move(items)) {
  Require(shape_.kv_heads > 0 && shape_.query_heads % shape_.kv_heads == 0,
          "query heads are not a multiple of KV heads");
  Require(shape_.head_dim > 0 && shape_.head_dim % 16 == 0, "head size is not a multiple of 16");
  if (shape_.scale == 0) {
    shape_.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape_.head_dim)));
  }
  group_ = shape_.query_heads / shape_.kv_heads;
  CutIntoTiles(std::max(workers, 1u));
  CutIntoTasks(std::max(workers, 1u));

  uint32_t rows_max = 0;
  for (const Tile& tile : tiles_) rows_max = std::max(rows_max, TileRows(tile));
  const size_t state_floats = size_t{rows_max} * (shape_.head_dim + kRowStateExtra);
  query_floats_ = AlignedFloats(size_t{rows_max} * shape_.head_dim);
  score_floats_ = AlignedFloats(kernels_.scratch_floats(shape_.head_dim));
  scratch_bytes_ = (query_floats_ + score_floats_ + AlignedFloats(state_floats)) * sizeof(float);
}

void AttentionPlan::CutIntoTiles(uint32_t workers) {
  uint64_t positions_max = std::max(1u, kTileRows / group_);
  // Chunks too small to give every worker a tile are cut finer, down to 16 positions.
  uint64_t rows = 0;
  for (const AttentionItem& item : items_) rows += item.rows;
  while (positions_max > 16 && rows * shape_.kv_heads < positions_max * workers * 2) {
    positions_max /= 2;
  }
  for (uint32_t i = 0; i < items_.size(); ++i) {
    const AttentionItem& item = items_[i];
    Require(item.rows > 0, "an item has no rows");
    for (uint32_t first = 0; first < item.rows; first += static_cast<uint32_t>(positions_max)) {
      Tile tile{.item = i, .first = first};
      tile.positions = static_cast<uint32_t>(std::min<uint64_t>(positions_max, item.rows - first));
      const uint32_t position = item.first_position + first;
      tile.partition_begin = FirstSeen(position, shape_.window) / kPartitionTokens;
      tile.partition_end = (position + tile.positions - 1) / kPartitionTokens + 1;
      for (tile.kv_head = 0; tile.kv_head < shape_.kv_heads; ++tile.kv_head) {
        tiles_.push_back(tile);
      }
    }
  }
}

void AttentionPlan::CutIntoTasks(uint32_t workers) {
  // What a tile costs per partition: its arithmetic, or reading K and V where rows are few.
  const auto cost = [&](const Tile& tile) { return uint64_t{std::max(TileRows(tile), 4u)}; };
  uint64_t total = 0;
  for (const Tile& tile : tiles_) total += cost(tile) * (tile.partition_end - tile.partition_begin);
  const uint64_t target = std::max<uint64_t>(total / (uint64_t{workers} * kTasksPerWorker), 1);

  size_t partials = 0;
  for (uint32_t t = 0; t < tiles_.size(); ++t) {
    Tile& tile = tiles_[t];
    const uint32_t partitions = tile.partition_end - tile.partition_begin;
    tile.task_partitions = partitions;
    if (TileRows(tile) <= kSplitRows && workers > 1) {
      const uint64_t wanted = std::max<uint64_t>(target / cost(tile), 1);
      tile.task_partitions = static_cast<uint32_t>(std::min<uint64_t>(wanted, partitions));
    }
    tile.tasks = (partitions + tile.task_partitions - 1) / tile.task_partitions;
    if (tile.tasks > 1) {
      tile.partials = partials;
      partials += size_t{partitions} * TileRows(tile) * (shape_.head_dim + kRowStateExtra);
    }
    for (uint32_t p = tile.partition_begin; p < tile.partition_end; p += tile.task_partitions) {
      tasks_.push_back({t, p, std::min(p + tile.task_partitions, tile.partition_end)});
    }
  }
  // Of a prompt, early rows first, as in the loops before and after: whose cache has them claims
  // from that end (worker/engine/worker_team.h). The last to be claimed are in the middle: neither
  // the longest nor alone.
  std::stable_sort(tasks_.begin(), tasks_.end(), [&](const Task& a, const Task& b) {
    return cost(tiles_[a.tile]) * (a.partition_end - a.partition_begin) <
           cost(tiles_[b.tile]) * (b.partition_end - b.partition_begin);
  });
  if (partials > 0) partials_.reset(new float[partials]);
  ended_.reset(new std::atomic<uint32_t>[tiles_.size()]);
  for (size_t t = 0; t < tiles_.size(); ++t) ended_[t].store(0, std::memory_order_relaxed);
}

void AttentionPlan::RunTask(size_t task_index, const AttentionLayer& layer,
                            std::byte* scratch) const {
  const Task& task = tasks_[task_index];
  const Tile& tile = tiles_[task.tile];
  const AttentionItem& item = items_[tile.item];
  const uint32_t rows = TileRows(tile);
  const size_t state_floats = size_t{rows} * (shape_.head_dim + kRowStateExtra);
  float* query = reinterpret_cast<float*>(scratch);
  float* scores = query + query_floats_;
  float* state = scores + score_floats_;

  const float* row_pointers[kTileRows];
  std::vector<const float*> many;
  const float** pointers = row_pointers;
  if (rows > kTileRows) {  // more than 96 query heads on one KV head
    many.resize(rows);
    pointers = many.data();
  }
  for (uint32_t r = 0; r < rows; ++r) {
    const size_t row = item.first_row + tile.first + r / group_;
    const size_t head = tile.kv_head * group_ + r % group_;
    pointers[r] = layer.query + row * layer.query_stride + head * shape_.head_dim;
  }
  const float scale = static_cast<float>(static_cast<double>(shape_.scale) * kLog2E);
  kernels_.pack_query(layer.kv.element, pointers, rows, shape_.head_dim, scale, query);

  float* partials = partials_.get() + tile.partials;
  if (tile.tasks == 1) kernels_.clear(state, rows, shape_.head_dim);
  kernels_.begin(layer.kv.element, rows, shape_.head_dim);
  for (uint32_t p = task.partition_begin; p < task.partition_end; ++p) {
    float* into = state;
    if (tile.tasks > 1) {
      into = partials + (p - tile.partition_begin) * state_floats;
      kernels_.clear(into, rows, shape_.head_dim);
    }
    Attend(tile, p, task.partition_end, layer, query, scores, into);
  }
  kernels_.end(layer.kv.element);
  if (tile.tasks == 1) return Finish(tile, layer, state);
  // acq_rel: the last one to end sees what all the others wrote.
  if (ended_[task.tile].fetch_add(1, std::memory_order_acq_rel) + 1 != tile.tasks) return;
  ended_[task.tile].store(0, std::memory_order_relaxed);  // ready for the next layer
  kernels_.clear(state, rows, shape_.head_dim);
  for (uint32_t p = 0; p < tile.partition_end - tile.partition_begin; ++p) {
    kernels_.merge(state, partials + p * state_floats, rows, shape_.head_dim);
  }
  Finish(tile, layer, state);
}

void AttentionPlan::FindKeys(const Tile& tile, uint32_t first_token, const AttentionLayer& layer,
                             std::span<const std::byte*> keys) const {
  const AttentionItem& item = items_[tile.item];
  const uint32_t first_position = item.first_position + tile.first;
  const uint32_t seen_begin = FirstSeen(first_position, shape_.window);
  const uint32_t seen_end = first_position + tile.positions;
  const uint32_t group = first_token / kKvGroupTokens, block_groups = layer.kv.GroupsPerBlock();
  uint32_t block = group / block_groups, in_block = group % block_groups;
  for (size_t g = 0; g < keys.size(); ++g) {
    const auto token = static_cast<uint32_t>(first_token + g * kKvGroupTokens);
    if (token + kKvGroupTokens > seen_begin && token < seen_end) {
      keys[g] = layer.slots + item.block_table[block] * layer.slot_bytes +
                layer.kv.KeyOffset(tile.kv_head, in_block);
    }
    if (++in_block < block_groups) continue;
    in_block = 0;
    ++block;
  }
}

void AttentionPlan::Attend(const Tile& tile, uint32_t partition, uint32_t partition_end,
                           const AttentionLayer& layer, const float* query, float* scores,
                           float* state) const {
  PartitionTile part{.element = layer.kv.element,
                     .head_dim = shape_.head_dim,
                     .rows = TileRows(tile),
                     .group = group_,
                     .first_position = items_[tile.item].first_position + tile.first,
                     .window = shape_.window,
                     .first_token = partition * kPartitionTokens,
                     .query = query,
                     .scores = scores,
                     .state = state};
  const uint64_t values_after_keys = layer.kv.ValueOffset(0, 0) - layer.kv.KeyOffset(0, 0);
  FindKeys(tile, part.first_token, layer, part.keys);
  for (uint32_t g = 0; g < kPartitionGroups; ++g) {
    part.values[g] = part.keys[g] == nullptr ? nullptr : part.keys[g] + values_after_keys;
  }
  if (partition + 1 < partition_end) {
    FindKeys(tile, part.first_token + kPartitionTokens, layer, part.next_keys);
  }
  kernels_.attend(part);
}

void AttentionPlan::Finish(const Tile& tile, const AttentionLayer& layer,
                           const float* state) const {
  const AttentionItem& item = items_[tile.item];
  const size_t stride = shape_.head_dim + kRowStateExtra;
  for (uint32_t i = 0; i < tile.positions; ++i) {
    const size_t row = item.first_row + tile.first + i;
    float* out =
        layer.out + row * layer.out_stride + size_t{tile.kv_head} * group_ * shape_.head_dim;
    kernels_.finish(state + size_t{i} * group_ * stride, group_, shape_.head_dim, out);
  }
}

}  // namespace cairn
