// Writes the keys and values of new tokens into their blocks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu_level.h"
#include "kernels/kv_layout.h"

namespace cairn {

// One run of tokens of one sequence, one layer.
//   key, value  (row, kv_head, head_dim) float; a row starts row_stride floats after the one
//   before.
//               Keys are already normed and rotated.
//   row i is the token at position first_position + i of the sequence
//   block_table slot number of each block of the sequence, from its start
// bf16 rounds to nearest even. int8 takes the scale max|x|/127 of each (token, head).
struct AppendKvArgs {
  KvLayer layer;
  std::byte* slots = nullptr;
  uint64_t slot_bytes = 0;
  const uint32_t* block_table = nullptr;
  const float* key = nullptr;
  const float* value = nullptr;
  size_t key_stride = 0;    // floats
  size_t value_stride = 0;  // floats
  uint32_t rows = 0;
  uint32_t first_position = 0;
  uint32_t head_begin = 0;  // KV heads [head_begin, head_end) are written
  uint32_t head_end = 0;
};

// Touches only the bytes of the given tokens and heads, so calls for different tokens or heads may
// run at the same time. What a token's bytes become depends on its own row alone.
void AppendKv(const AppendKvArgs& args, CpuLevel level);

}  // namespace cairn
