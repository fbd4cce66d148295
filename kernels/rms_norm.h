// Root mean square norm of rows: out = x / sqrt(mean(x^2) + epsilon) * weight.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

//   x, out  (row, dim) float; rows start x_stride and out_stride floats apart. out may be x.
//   weight  (dim) float; Gemma's 1 + w is folded in by whoever loads it (GGUF files already did)
// Any dim. A row's result depends on that row alone: the sum of squares has one fixed order, kept
// in double. For a norm of each head (Qwen3, Gemma3) the heads are the rows.
struct RmsNormArgs {
  const float* x = nullptr;
  size_t x_stride = 0;
  const float* weight = nullptr;
  float epsilon = 0;
  uint32_t rows = 0;
  uint32_t dim = 0;
  float* out = nullptr;
  size_t out_stride = 0;
};

}  // namespace cairn
