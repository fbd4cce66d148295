// What an instruction set implements of attention: one tile of query rows against one partition of
// one KV head. AttentionPlan does everything else. Plain structs and nothing inline: this is
// included by units compiled for different instruction sets.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kv_layout.h"

namespace cairn {

inline constexpr uint32_t kPartitionTokens = 256;
inline constexpr uint32_t kPartitionGroups = kPartitionTokens / kKvGroupTokens;
inline constexpr uint32_t kNextGroups = 4;

// The running result of one row is head_dim floats (the weighted sum of values), the maximum of its
// scores in units of log2, and the sum of its weights: kRowStateExtra floats in all beyond
// head_dim, so that rows stay 64-aligned.
inline constexpr uint32_t kRowStateExtra = 16;

struct PartitionTile {
  KvElement element = KvElement::kBf16;
  uint32_t head_dim = 0;
  uint32_t rows = 0;            // position-major: row = (position - first_position) * group + head
  uint32_t group = 1;           // query heads that share the KV head
  uint32_t first_position = 0;  // of row 0
  uint32_t window = 0;          // 0: none
  uint32_t first_token = 0;     // position of the partition's first token
  // Keys and values of the partition's groups; null where no row of the tile sees any of a group.
  const std::byte* keys[kPartitionGroups] = {};
  const std::byte* values[kPartitionGroups] = {};
  // First keys of the partition that is attended to next, to be fetched meanwhile; or null.
  const std::byte* next_keys[kNextGroups] = {};
  const float* query = nullptr;  // from pack_query
  float* scores = nullptr;       // scratch, scratch_floats
  float* state = nullptr;        // (row, head_dim + kRowStateExtra): merged into
};

struct AttentionKernels {
  // Of PartitionTile::scores.
  size_t (*scratch_floats)(uint32_t head_dim);
  // Queries of a tile, times scale, in the order that attend reads them. The scale must include
  // log2(e): exponentials are powers of two.
  //   row_pointers (row) -> head_dim floats;  packed: room for rows * head_dim floats
  void (*pack_query)(KvElement element, const float* const* row_pointers, uint32_t rows,
                     uint32_t head_dim, float scale, float* packed);
  // The state that merges as nothing.
  void (*clear)(float* state, uint32_t rows, uint32_t head_dim);
  // Around the attends of a task on its thread: what is set up once for all of them.
  void (*begin)(KvElement element, uint32_t rows, uint32_t head_dim);
  void (*end)(KvElement element);
  // Computes the partition's result for each row that sees some of it, and merges it into the
  // state.
  void (*attend)(const PartitionTile& tile);
  // state <- merge(state, later), the later one covering later tokens.
  void (*merge)(float* state, const float* later, uint32_t rows, uint32_t head_dim);
  // out (row, head_dim) = weighted sum / sum of weights.
  void (*finish)(const float* state, uint32_t rows, uint32_t head_dim, float* out);
};

}  // namespace cairn
