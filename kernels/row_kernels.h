// Everything that works on one row of floats at a time: norms, rotations, activations, logits. A
// row's result depends on that row alone, and has the same bits at every level that has fused
// multiply-add (kAvx2 and above); kPortable differs in the last bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu_level.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"

namespace cairn {

struct MaxAt {
  float value = 0;
  uint32_t index = 0;
};

struct RowKernels {
  void (*rms_norm)(const RmsNormArgs& args);
  void (*rope)(const RopeArgs& args);

  // out[i] = silu(gate[i]) * up[i], silu(x) = x / (1 + exp(-x)). out may be gate or up.
  void (*silu_mul)(const float* gate, const float* up, float* out, size_t count);
  // out[i] = gelu(gate[i]) * up[i], the tanh form that Gemma was trained with. out may alias.
  void (*gelu_mul)(const float* gate, const float* up, float* out, size_t count);

  void (*add)(float* x, const float* y, size_t count);              // x += y
  void (*scale)(float* x, float factor, size_t count);              // x *= factor
  void (*widen_bf16)(const uint16_t* x, float* out, size_t count);  // embedding rows
  void (*widen_f16)(const uint16_t* x, float* out, size_t count);
  void (*narrow_bf16)(const float* x, uint16_t* out, size_t count);  // to nearest even

  // Of a row of logits, count >= 1. NaN never wins; ties go to the lowest index.
  MaxAt (*max)(const float* x, size_t count);
  // log(sum(exp(x))), summed in double; the log-probability of i is x[i] minus this.
  double (*log_sum_exp)(const float* x, size_t count);
  // out[i] = exp((x[i] - max(x)) * inverse_temperature), not normalised; returns their sum.
  double (*soft_max)(const float* x, float inverse_temperature, float* out, size_t count);
};

// REQUIRES: this machine has the level.
const RowKernels& RowKernelsFor(CpuLevel level);

}  // namespace cairn
