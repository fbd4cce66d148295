// The tile kernels of level amx over emulated tiles: runs everywhere. Where the processor has AMX
// the real ones are among the levels of matmul_test.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/half_float.h"
#include "kernels/matmul.h"
#include "tests/kernels/matmul_case.h"

#define UNROLL

namespace cairn {
namespace {

#include "tests/kernels/amx_emulation.inc"

#include "kernels/matmul_amx_body.inc"

#include "kernels/panel_format.inc"

#include "kernels/matmul_amx_integer.inc"

// Records of 32 bf16, which is what the tiles read.
void EncodeBf16(const EncodeRowArgs& args) {
  for (size_t k = 0; k < args.k_blocks * kKBlock; ++k) {
    const uint16_t bits = Bf16FromFloat(k < args.k ? args.x[k] : 0.0f);
    std::memcpy(args.records + k / kGroup * args.record_stride + k % kGroup * 2, &bits, 2);
  }
}

const MatMulKernels& Portable() { return MatMulKernelsFor(CpuLevel::kPortable); }

void Integer(const MatMulArgs& args) {
  if (FitsTiles(args.tile_rows)) return IntegerTiles(args);
  Portable().integer(args);
}

const MatMulKernels kEmulated = {
    .integer = Integer,
    .bf16 = Bf16,
    .encode_int8 = Portable().encode_int8,
    .encode_int15 = Portable().encode_int15,
    .encode_bf16 = EncodeBf16,
    .bf16_kind = ActivationKind::kBf16,
};

}  // namespace

TEST_CASE("the tile kernel multiplies as double precision does and uses tiles as they allow") {
  for (const size_t rows : {1, 2, 9, 16, 17, 33, 48, 70}) {
    for (const size_t n : {1, 16, 40, 48, 100}) {
      for (const size_t k : {32, 65, 320}) {
        tiles = EmulatedTiles();
        const PackedMatrix w = RandomMatrix(PackedFormat::kBf16, n, k, 1);
        const std::vector<float> x = RandomRows(rows, k, 2);
        const std::vector<float> out = Product(kEmulated, w, x);
        const std::vector<Exact> exact = ExactProduct(w, x);
        CAPTURE(rows, n, k);
        for (size_t i = 0; i < out.size(); ++i) {
          const double allowed = exact[i].magnitude * 4e-6 + 1e-30;
          REQUIRE(std::fabs(double{out[i]} - exact[i].value) <= allowed);
        }
        REQUIRE(tiles.refused == 0);
        REQUIRE(tiles.configurations == 1);
        REQUIRE_FALSE(tiles.configured);  // released
      }
    }
  }
}

TEST_CASE("the tile kernel gives a row the same bits alone, in any batch and any split") {
  const size_t n = 83, k = 160, all = 50;
  const PackedMatrix w = RandomMatrix(PackedFormat::kBf16, n, k, 3);
  const std::vector<float> x = RandomRows(all, k, 4);
  std::vector<float> alone;
  for (size_t row = 0; row < all; ++row) {
    const auto begin = x.begin() + static_cast<ptrdiff_t>(row * k);
    const std::vector<float> product = Product(kEmulated, w, {begin, begin + k});
    alone.insert(alone.end(), product.begin(), product.end());
  }
  for (const size_t rows : {2, 15, 17, 33, 50}) {
    for (const size_t tasks : {1, 2, 5}) {
      const std::vector<float> some(x.end() - static_cast<ptrdiff_t>(rows * k), x.end());
      const std::vector<float> out = Product(kEmulated, w, some, tasks);
      CAPTURE(rows, tasks);
      REQUIRE(std::memcmp(out.data(), alone.data() + (all - rows) * n,
                          out.size() * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("integer tiles give the bits of the portable level, whatever the shape and the split") {
  for (const auto& [format, integer] : AllProductKinds()) {
    if (format == PackedFormat::kBf16) continue;
    for (const size_t rows : {9, 12, 16, 17, 30, 70}) {
      for (const size_t n : {1, 40, 83}) {
        // one block, a ragged one, and more than is unpacked at a time
        for (const size_t k : {32, 200, 896}) {
          tiles = EmulatedTiles();
          const PackedMatrix w = RandomMatrix(format, n, k, 5);
          const std::vector<float> x = RandomRows(rows, k, 6);
          const std::vector<float> expected = Product(Portable(), w, x, 1, integer);
          const size_t tasks = std::min<size_t>(w.panels(), rows % 3 + 1);
          const std::vector<float> out = Product(kEmulated, w, x, tasks, integer);
          CAPTURE(PackedFormatName(format), integer == ActivationKind::kInt15, rows, n, k);
          REQUIRE(std::memcmp(out.data(), expected.data(), out.size() * sizeof(float)) == 0);
          REQUIRE(tiles.refused == 0);
          REQUIRE(tiles.configurations == static_cast<int>(tasks));
          REQUIRE_FALSE(tiles.configured);
        }
      }
    }
  }
}

TEST_CASE("the tile kernels write nothing beyond a matrix's columns or a batch's rows") {
  const size_t rows = 18, n = 21, k = 64, stride = 40;
  for (const auto& [format, integer] : AllProductKinds()) {
    const PackedMatrix w = RandomMatrix(format, n, k, 9);
    const std::vector<float> x = RandomRows(rows, k, 10);
    ActivationRows encoded;
    encoded.Shape(ActivationKindFor(kEmulated, format, integer), rows, k);
    encoded.Encode(kEmulated, x.data(), k, 0, rows);
    std::vector<float> out((rows + 2) * stride, 12345.0f);
    MatMul(kEmulated, w, {0, w.panels()}, encoded, encoded.tiles(), out.data(), stride);
    for (size_t i = 0; i < out.size(); ++i) {
      const bool ours = i / stride < rows && i % stride < n;
      REQUIRE((out[i] == 12345.0f) == !ours);
    }
  }
}

}  // namespace cairn
