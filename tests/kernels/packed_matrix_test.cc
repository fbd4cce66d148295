#include "kernels/packed_matrix.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/half_float.h"
#include "tests/kernels/matmul_case.h"

namespace cairn {

TEST_CASE("every half is found again after a walk through float") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = FloatFromHalf(half);
    if (std::isnan(value)) {
      REQUIRE(std::isnan(FloatFromHalf(HalfFromFloat(value))));
    } else if (HalfFromFloat(value) != half) {
      FAIL("half " << bits);
    }
  }
}

TEST_CASE("float becomes the nearest half, ties to even") {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const float low = FloatFromHalf(static_cast<uint16_t>(bits));
    const float high =
        bits + 1 == 0x7c00 ? 65536.0f : FloatFromHalf(static_cast<uint16_t>(bits + 1));
    const float middle = low + (high - low) / 2;
    const uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    if (HalfFromFloat(middle) != even || HalfFromFloat(std::nextafter(middle, 0.0f)) != bits ||
        HalfFromFloat(std::nextafter(middle, 1e9f)) != bits + 1) {
      FAIL("between half " << bits << " and the next");
    }
  }
}

TEST_CASE("the codes and scales of a row come back exactly") {
  const size_t n = 37, k = 150, groups = 5;
  WeightMemory memory(1);
  MatrixPacker packer(PackedFormat::kInt4Min, n, k, memory);
  TestNumbers numbers(1);
  std::vector<std::vector<float>> expected(n, std::vector<float>(k));
  for (size_t row = n; row-- > 0;) {  // any order
    std::vector<uint8_t> codes(k);
    std::vector<float> d(groups), m(groups);
    for (float& value : d) value = FloatFromHalf(HalfFromFloat(numbers.Uniform()));
    for (float& value : m) value = FloatFromHalf(HalfFromFloat(numbers.Uniform()));
    for (size_t i = 0; i < k; ++i) {
      codes[i] = static_cast<uint8_t>(numbers.Below(16));
      expected[row][i] = std::fma(d[i / 32], static_cast<float>(codes[i]), m[i / 32]);
    }
    packer.Row(row, codes, d, m);
  }
  const PackedMatrix w = std::move(packer).Finish();
  std::vector<float> out(k);
  for (size_t row = 0; row < n; ++row) {
    w.Row(row, out.data());
    REQUIRE(out == expected[row]);
  }
}

TEST_CASE("weights rounded to int8 are within half a step, and the largest of a group is kept") {
  const size_t n = 3, k = 100;
  WeightMemory memory(1);
  MatrixPacker packer(PackedFormat::kInt8, n, k, memory);
  const std::vector<float> weights = RandomRows(n, k, 2);
  for (size_t row = 0; row < n; ++row) {
    packer.Row(row, std::span<const float>(weights).subspan(row * k, k));
  }
  const PackedMatrix w = std::move(packer).Finish();
  std::vector<float> out(k);
  for (size_t row = 0; row < n; ++row) {
    w.Row(row, out.data());
    for (size_t begin = 0; begin < k; begin += 32) {
      float largest = 0;
      for (size_t i = begin; i < std::min(k, begin + 32); ++i) {
        largest = std::max(largest, std::fabs(weights[row * k + i]));
      }
      for (size_t i = begin; i < std::min(k, begin + 32); ++i) {
        REQUIRE(std::fabs(out[i] - weights[row * k + i]) <=
                largest / 127.0f * 0.51f + largest / 2048);
      }
    }
  }
}

TEST_CASE("weights that are not numbers, or too large for a scale, give finite codes") {
  WeightMemory memory(1);
  MatrixPacker packer(PackedFormat::kInt8, 2, 32, memory);
  std::vector<float> weights(32, 1.0f);
  weights[3] = std::numeric_limits<float>::quiet_NaN();
  weights[4] = std::numeric_limits<float>::infinity();
  packer.Row(0, weights);
  packer.Row(1, std::vector<float>(32, 1e30f));
  const PackedMatrix w = std::move(packer).Finish();
  std::vector<float> out(32);
  for (size_t row = 0; row < 2; ++row) {
    w.Row(row, out.data());
    for (const float value : out) REQUIRE(std::isfinite(value));
  }
}

TEST_CASE("a matrix takes the bytes that were foreseen, and little more than its bits") {
  WeightMemory memory(1);
  const struct {
    PackedFormat format;
    double bits;
  } kCases[] = {{PackedFormat::kBf16, 16},
                {PackedFormat::kInt8, 8.5},
                {PackedFormat::kUint8Min, 9},
                {PackedFormat::kInt4, 4.5},
                {PackedFormat::kInt4Min, 5}};
  for (const auto& [format, bits] : kCases) {
    const PackedMatrix w = MatrixPacker(format, 960, 576, memory).Finish();
    REQUIRE(w.bytes() == PackedBytes(format, 960, 576));
    REQUIRE(static_cast<double>(w.bytes()) == 960 * 576 * bits / 8);
  }
}

TEST_CASE("a matrix outlives the memory it was taken from") {
  std::vector<float> out(64);
  PackedMatrix w;
  {
    WeightMemory memory;
    MatrixPacker packer(PackedFormat::kBf16, 1, 64, memory);
    packer.Row(0, std::vector<float>(64, 2.0f));
    w = std::move(packer).Finish();
  }
  w.Row(0, out.data());
  REQUIRE(out == std::vector<float>(64, 2.0f));
}

}  // namespace cairn
