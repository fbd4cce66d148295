// Rotary position embedding: pairs of a head's values are turned by position x frequency.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace cairn {

// Which values form a pair. GGUF files of the llama architecture store Q and K permuted for
// kInterleaved; qwen2, qwen3 and gemma3 use kHalves, as does every safetensors folder.
enum class RopeStyle : uint8_t { kInterleaved, kHalves };  // (2i, 2i+1), (i, i + rotary_dim/2)

struct RopeScaling {
  double linear = 1.0;               // positions are divided by it
  std::span<const float> factors{};  // a divisor for each pair (rope_freqs.weight), or none
};

// Radians a position, for each of rotary_dim/2 pairs: base^(-2i/rotary_dim) / factors[i] / linear.
// REQUIRES: factors is empty or has rotary_dim/2 entries.
std::vector<double> RopeFrequencies(uint32_t rotary_dim, double base, const RopeScaling& scaling);

// Cosines and sines for the rows of one step: computed once a step and used by all of its layers,
// so that no table grows with the context. Computed in double.
//   out  (row, rotary_dim) float: rotary_dim/2 cosines, then rotary_dim/2 sines
void FillRopeAngles(std::span<const double> frequencies, std::span<const uint32_t> positions,
                    float* out);

//   x       (row, head, head_dim) float, changed in place; rows start x_stride floats apart
//   angles  (row, rotary_dim) from FillRopeAngles
// Values of a head beyond rotary_dim stay as they are.
struct RopeArgs {
  float* x = nullptr;
  size_t x_stride = 0;
  uint32_t rows = 0;
  uint32_t heads = 0;
  uint32_t head_dim = 0;
  uint32_t rotary_dim = 0;
  RopeStyle style = RopeStyle::kHalves;
  const float* angles = nullptr;
};

}  // namespace cairn
