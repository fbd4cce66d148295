#include "worker/model/dequantize.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

// 512 values of a type: random bytes, with sound half-precision scales where the layout has them.
// The expected values come from the gguf Python package's dequantize() on the same bytes.
struct Golden {
  TensorType type;
  uint64_t seed;
  std::vector<uint32_t> halves_at;
  double weighted_sum;  // of value i times i + 1
  double value_0, value_33, value_255, value_511;
};

const std::vector<Golden> kGolden = {
    {TensorType::kQ8_0,
     1000,
     {0},
     5719.606819152832,
     -0x1.d8p-3,
     0x1.f158p-2,
     -0x1.90fp-3,
     0x1.46e7p-1},
    {TensorType::kQ4_0,
     1001,
     {0},
     -365.9143409729004,
     0x1.0p-7,
     0x1.8dep-7,
     -0x1.40cp-6,
     -0x1.281p-6},
    {TensorType::kQ4_1,
     1002,
     {0, 2},
     5758.102939605713,
     0x1.002p-6,
     0x1.f168p-5,
     0x1.2cbcp-4,
     0x1.8aep-6},
    {TensorType::kQ5_0,
     1003,
     {0},
     126.22293472290039,
     -0x1.0p-8,
     -0x1.d03p-5,
     0x1.18a8p-5,
     0x1.7214p-4},
    {TensorType::kQ5_1,
     1004,
     {0, 2},
     11267.16497039795,
     0x1.004p-7,
     0x1.d04p-5,
     0x1.41p-7,
     0x1.0312p-3},
    {TensorType::kQ4_K,
     1005,
     {0, 2},
     100948.55405044556,
     0x1.0758p-3,
     0x1.19f2p+1,
     0x1.15fcp+0,
     0x1.29584p+0},
    {TensorType::kQ5_K,
     1006,
     {0, 2},
     180880.2967414856,
     0x1.d5fdp+0,
     0x1.137cp+1,
     0x1.32ff8p+0,
     0x1.f549p-2},
    {TensorType::kQ6_K,
     1007,
     {208},
     -51139.19436264038,
     -0x1.17bap+2,
     -0x1.e3a8p+0,
     0x1.2f3p-2,
     0x1.3fba8p+3},
};

std::vector<std::byte> BlocksOf(const Golden& golden) {
  const TensorTypeInfo& info = InfoOf(golden.type);
  Prng prng(golden.seed);
  std::vector<std::byte> blocks(512 / info.values * info.bytes);
  for (std::byte& b : blocks) b = static_cast<std::byte>(prng.Next() >> 56);
  for (uint32_t k = 0; k < 512 / info.values; ++k) {
    for (const uint32_t at : golden.halves_at) {
      const auto half = static_cast<uint16_t>(0x1c00 + k * 37 + at);
      std::memcpy(&blocks[k * info.bytes + at], &half, sizeof(half));
    }
  }
  return blocks;
}

TEST_CASE("blocks of every quantised type mean what ggml means by them") {
  for (const Golden& golden : kGolden) {
    INFO(InfoOf(golden.type).name);
    std::vector<float> values(512);
    DequantizeRow(golden.type, BlocksOf(golden), values);
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i)
      sum += static_cast<double>(values[i]) * static_cast<double>(i + 1);
    REQUIRE(sum == Approx(golden.weighted_sum).epsilon(1e-12));
    REQUIRE(values[0] == static_cast<float>(golden.value_0));
    REQUIRE(values[33] == static_cast<float>(golden.value_33));
    REQUIRE(values[255] == static_cast<float>(golden.value_255));
    REQUIRE(values[511] == static_cast<float>(golden.value_511));
  }
}

TEST_CASE("groups hold the file's weights exactly and their codes fit the format") {
  for (const Golden& golden : kGolden) {
    const GroupedCodes codes_of = GroupedCodesOf(golden.type);
    if (codes_of == GroupedCodes::kNone) continue;
    INFO(InfoOf(golden.type).name);
    std::vector<float> values(512), scales(16), offsets(16);
    std::vector<int8_t> codes(512);
    const std::vector<std::byte> blocks = BlocksOf(golden);
    DequantizeRow(golden.type, blocks, values);
    DecodeGroups(golden.type, blocks, {codes, scales, offsets});
    for (size_t i = 0; i < 512; ++i) {
      REQUIRE(scales[i / 32] * static_cast<float>(codes[i]) + offsets[i / 32] == values[i]);
      if (codes_of == GroupedCodes::kFourBit) REQUIRE((codes[i] >= 0 && codes[i] <= 15));
    }
  }
}

}  // namespace
}  // namespace cairn
