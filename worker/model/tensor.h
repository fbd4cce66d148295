// One tensor as it lies in a mapped weight file: rows of whole blocks, one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "worker/model/tensor_type.h"

namespace cairn {

struct Tensor {
  std::string name;
  TensorType type = TensorType::kF32;
  // Outermost first, so that the last is a row's length. At least one, none zero.
  std::vector<uint64_t> shape;
  std::span<const std::byte> bytes;  // exactly what type and shape ask for; any alignment

  uint64_t columns() const { return shape.back(); }
  uint64_t rows() const {  // the product of all dimensions but the last
    return std::accumulate(shape.begin(), shape.end() - 1, uint64_t{1}, std::multiplies<>());
  }
  std::span<const std::byte> row(uint64_t r) const {  // REQUIRES: r < rows()
    const uint64_t bytes_per_row = bytes.size() / rows();
    return bytes.subspan(r * bytes_per_row, bytes_per_row);
  }
};

}  // namespace cairn
