#include "kernels/rope.h"

#include <cmath>

namespace cairn {

std::vector<double> RopeFrequencies(uint32_t rotary_dim, double base, const RopeScaling& scaling) {
  std::vector<double> frequencies(rotary_dim / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(base, -2.0 * static_cast<double>(i) / rotary_dim) / scaling.linear;
    if (!scaling.factors.empty()) frequencies[i] /= static_cast<double>(scaling.factors[i]);
  }
  return frequencies;
}

void FillRopeAngles(std::span<const double> frequencies, std::span<const uint32_t> positions,
                    float* out) {
  const size_t half = frequencies.size();
  for (const uint32_t position : positions) {
    for (size_t i = 0; i < half; ++i) {
      const double angle = position * frequencies[i];
      out[i] = static_cast<float>(std::cos(angle));
      out[half + i] = static_cast<float>(std::sin(angle));
    }
    out += 2 * half;
  }
}

}  // namespace cairn
