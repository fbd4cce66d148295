// Random matrices and rows for tests of matrix multiplication, and what their product is in double.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "kernels/half_float.h"
#include "kernels/matmul.h"

namespace cairn {

inline const std::vector<PackedFormat>& AllPackedFormats() {
  static const std::vector<PackedFormat> kFormats = {PackedFormat::kBf16, PackedFormat::kInt8,
                                                     PackedFormat::kUint8Min, PackedFormat::kInt4,
                                                     PackedFormat::kInt4Min};
  return kFormats;
}

// Every format beside every kind of rows that it may be multiplied with.
struct ProductKind {
  PackedFormat format;
  ActivationKind integer;  // of integer formats
};
inline const std::vector<ProductKind>& AllProductKinds() {
  static const std::vector<ProductKind> kKinds = [] {
    std::vector<ProductKind> kinds;
    for (const PackedFormat format : AllPackedFormats()) {
      kinds.push_back({format, ActivationKind::kInt8});
      if (format != PackedFormat::kBf16) kinds.push_back({format, ActivationKind::kInt15});
    }
    return kinds;
  }();
  return kKinds;
}

// Numbers that are the same with every standard library, unlike those of <random>'s distributions.
class TestNumbers {
 public:
  explicit TestNumbers(uint64_t seed) : engine_(seed) {}
  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>((engine_() >> 32) * limit >> 32); }
  float Uniform() {
    return static_cast<float>(static_cast<int64_t>(engine_() >> 40)) * 0x1p-23f - 1.0f;
  }

 private:
  std::mt19937_64 engine_;
};

// One of: all of a range, one of its ends, or nothing but ends.
inline int Code(TestNumbers& numbers, int low, int high) {
  switch (numbers.Below(8)) {
    case 0:
      return low;
    case 1:
      return high;
    default:
      return low + static_cast<int>(numbers.Below(static_cast<uint32_t>(high - low + 1)));
  }
}

// W (n, k) of random codes and scales; some groups zero, some all at one end.
inline PackedMatrix RandomMatrix(PackedFormat format, size_t n, size_t k, uint64_t seed) {
  TestNumbers numbers(seed);
  WeightMemory memory(1);
  MatrixPacker packer(format, n, k, memory);
  const size_t groups = (k + kGroup - 1) / kGroup;
  for (size_t row = 0; row < n; ++row) {
    std::vector<float> d(groups), m(groups), values(k);
    std::vector<uint8_t> codes(k);
    std::vector<int8_t> signed_codes(k);
    const bool four = format == PackedFormat::kInt4 || format == PackedFormat::kInt4Min;
    for (size_t i = 0; i < groups; ++i) {
      d[i] =
          numbers.Below(16) == 0 ? 0.0f : FloatFromHalf(HalfFromFloat(numbers.Uniform() * 0.02f));
      m[i] = FloatFromHalf(HalfFromFloat(numbers.Uniform() * 0.1f));
    }
    for (size_t i = 0; i < k; ++i) {
      values[i] = numbers.Uniform() * 0.1f;
      codes[i] = static_cast<uint8_t>(Code(numbers, 0, four ? 15 : 255));
      signed_codes[i] = static_cast<int8_t>(Code(numbers, -128, 127));
    }
    switch (format) {
      case PackedFormat::kBf16:
        packer.Row(row, values);
        break;
      case PackedFormat::kInt8:
        packer.Row(row, signed_codes, d);
        break;
      case PackedFormat::kInt4:
        packer.Row(row, codes, d);
        break;
      default:
        packer.Row(row, codes, d, m);
        break;
    }
  }
  return std::move(packer).Finish();
}

// x (rows, k): mostly small values, some huge ones, some whole groups of zeros.
inline std::vector<float> RandomRows(size_t rows, size_t k, uint64_t seed) {
  TestNumbers numbers(seed);
  std::vector<float> x(rows * k);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = numbers.Uniform();
    if (numbers.Below(100) == 0) x[i] *= 1000.0f;
  }
  for (size_t begin = 0; begin + kGroup <= x.size(); begin += kGroup) {
    if (numbers.Below(20) == 0)
      std::fill_n(x.begin() + static_cast<ptrdiff_t>(begin), kGroup, 0.0f);
  }
  return x;
}

// How a caller multiplies: all rows, all panels, in as many tasks as asked for.
inline std::vector<float> Product(const MatMulKernels& kernels, const PackedMatrix& w,
                                  const std::vector<float>& x, size_t tasks = 1,
                                  ActivationKind integer = ActivationKind::kInt8) {
  const size_t rows = x.size() / w.k();
  ActivationRows encoded;
  encoded.Shape(ActivationKindFor(kernels, w.format(), integer), rows, w.k());
  encoded.Encode(kernels, x.data(), w.k(), 0, rows);
  std::vector<float> out(rows * w.n(), -1.0f);
  for (size_t task = 0; task < tasks; ++task) {
    const PanelRange range{w.panels() * task / tasks, w.panels() * (task + 1) / tasks};
    MatMul(kernels, w, range, encoded, encoded.tiles(), out.data(), w.n());
  }
  return out;
}

// What rounding to codes in groups of 32 (or to bf16) makes of a row.
inline std::vector<float> Rounded(ProductKind kind, const float* x, size_t k) {
  const float largest_code = kind.integer == ActivationKind::kInt15 ? 16256.0f : 127.0f;
  std::vector<float> rounded(x, x + k);
  for (size_t begin = 0; begin < k; begin += kGroup) {
    const size_t end = std::min(k, begin + kGroup);
    float largest = 0;
    for (size_t i = begin; i < end; ++i) largest = std::max(largest, std::fabs(x[i]));
    for (size_t i = begin; i < end; ++i) {
      if (kind.format == PackedFormat::kBf16) {
        rounded[i] = FloatFromBf16(Bf16FromFloat(x[i]));
      } else {
        const float inverse = largest > 0 ? largest_code / largest : 0.0f;
        rounded[i] = std::nearbyint(x[i] * inverse) * (largest / largest_code);
      }
    }
  }
  return rounded;
}

struct Exact {
  double value = 0;
  double magnitude = 0;  // sum of the products' magnitudes: errors are measured against it
};

// Element (row, n) of the product, in double, of the weights and the rounded activations.
inline std::vector<Exact> ExactProduct(const PackedMatrix& w, const std::vector<float>& x,
                                       ActivationKind integer = ActivationKind::kInt8) {
  const size_t rows = x.size() / w.k();
  std::vector<Exact> out(rows * w.n());
  std::vector<float> weights(w.k());
  std::vector<std::vector<float>> rounded;
  for (size_t row = 0; row < rows; ++row) {
    rounded.push_back(Rounded({w.format(), integer}, x.data() + row * w.k(), w.k()));
  }
  for (size_t n = 0; n < w.n(); ++n) {
    w.Row(n, weights.data());
    for (size_t row = 0; row < rows; ++row) {
      Exact& sum = out[row * w.n() + n];
      for (size_t i = 0; i < w.k(); ++i) {
        const double product = double{weights[i]} * double{rounded[row][i]};
        sum.value += product;
        sum.magnitude += std::fabs(product);
      }
    }
  }
  return out;
}

}  // namespace cairn
