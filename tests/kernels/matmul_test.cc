#include "kernels/matmul.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/kernels/levels.h"
#include "tests/kernels/matmul_case.h"

namespace cairn {
namespace {

struct Shape {
  size_t rows, n, k;
};

const std::vector<Shape>& Shapes() {
  static const std::vector<Shape> kShapes = {
      {1, 16, 64},   {1, 1, 1},     {2, 33, 96},   {3, 100, 65}, {4, 48, 576},
      {5, 17, 40},   {7, 64, 128},  {13, 80, 320}, {16, 31, 32}, {17, 160, 200},
      {33, 47, 192}, {70, 40, 640}, {20, 33, 1600}};
  return kShapes;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::string Where(CpuLevel level, ProductKind kind, const Shape& shape) {
  return std::string(LevelName(level)) + " " + std::string(PackedFormatName(kind.format)) +
         (kind.integer == ActivationKind::kInt15 ? " by int15 " : " ") +
         std::to_string(shape.rows) + " rows, " + std::to_string(shape.n) + "x" +
         std::to_string(shape.k);
}

// The records of one row of at most 320.
std::vector<std::byte> Encoded(CpuLevel level, ActivationKind kind, const std::vector<float>& x) {
  const MatMulKernels& kernels = MatMulKernelsFor(level);
  const bool wide = kind == ActivationKind::kInt15;
  const size_t record_bytes = wide ? sizeof(WideActivationGroup) : sizeof(ActivationGroup);
  std::vector<std::byte> records(10 * record_bytes);
  const auto encode = wide ? kernels.encode_int15 : kernels.encode_int8;
  encode({.x = x.data(),
          .k = x.size(),
          .k_blocks = (x.size() + kKBlock - 1) / kKBlock,
          .records = records.data(),
          .record_stride = record_bytes});
  return records;
}

}  // namespace

TEST_CASE("every level multiplies as double precision does, within float rounding") {
  for (const CpuLevel level : RunnableLevels()) {
    for (const auto& [format, integer] : AllProductKinds()) {
      for (const Shape& shape : Shapes()) {
        const PackedMatrix w = RandomMatrix(format, shape.n, shape.k, 1);
        const std::vector<float> x = RandomRows(shape.rows, shape.k, 2);
        const std::vector<float> out = Product(MatMulKernelsFor(level), w, x, 1, integer);
        const std::vector<Exact> exact = ExactProduct(w, x, integer);
        double worst = 0;
        for (size_t i = 0; i < out.size(); ++i) {
          const double allowed = exact[i].magnitude * 2e-6 + 1e-30;
          worst = std::max(worst, std::fabs(double{out[i]} - exact[i].value) / allowed);
        }
        INFO(Where(level, {format, integer}, shape));
        REQUIRE(worst <= 1.0);
      }
    }
  }
}

TEST_CASE("a row's product has the same bits alone and in any batch, at any place") {
  constexpr size_t kRows = 70;
  for (const CpuLevel level : RunnableLevels()) {
    const MatMulKernels& kernels = MatMulKernelsFor(level);
    for (const auto& [format, integer] : AllProductKinds()) {
      const size_t n = 83, k = 352;
      const PackedMatrix w = RandomMatrix(format, n, k, 3);
      const std::vector<float> x = RandomRows(kRows, k, 4);
      std::vector<float> alone;
      for (size_t row = 0; row < kRows; ++row) {
        const std::vector<float> one(x.begin() + static_cast<ptrdiff_t>(row * k),
                                     x.begin() + static_cast<ptrdiff_t>((row + 1) * k));
        const std::vector<float> product = Product(kernels, w, one, 1, integer);
        alone.insert(alone.end(), product.begin(), product.end());
      }
      for (size_t rows = 2; rows <= kRows; rows += rows < 20 ? 1 : 7) {
        const size_t first = kRows - rows;
        const std::vector<float> some(x.begin() + static_cast<ptrdiff_t>(first * k), x.end());
        const std::vector<float> expected(alone.begin() + static_cast<ptrdiff_t>(first * n),
                                          alone.end());
        INFO(Where(level, {format, integer}, {rows, n, k}));
        REQUIRE(SameBits(Product(kernels, w, some, 1, integer), expected));
      }
    }
  }
}

TEST_CASE("any split into panels gives the same bits") {
  for (const CpuLevel level : RunnableLevels()) {
    const MatMulKernels& kernels = MatMulKernelsFor(level);
    for (const auto& [format, integer] : AllProductKinds()) {
      for (const size_t rows : {size_t{1}, size_t{2}, size_t{5}, size_t{40}}) {
        const PackedMatrix w = RandomMatrix(format, 16 * 13 - 5, 224, 5);
        const std::vector<float> x = RandomRows(rows, 224, 6);
        const std::vector<float> whole = Product(kernels, w, x, 1, integer);
        for (const size_t tasks : {size_t{2}, size_t{3}, size_t{5}, size_t{13}}) {
          INFO(Where(level, {format, integer}, {rows, w.n(), w.k()}) << " in " << tasks);
          REQUIRE(SameBits(Product(kernels, w, x, tasks, integer), whole));
        }
      }
    }
  }
}

TEST_CASE("integer formats give the same bits at every level") {
  for (const auto& [format, integer] : AllProductKinds()) {
    if (format == PackedFormat::kBf16) continue;
    for (const Shape& shape : Shapes()) {
      const PackedMatrix w = RandomMatrix(format, shape.n, shape.k, 7);
      const std::vector<float> x = RandomRows(shape.rows, shape.k, 8);
      const std::vector<float> portable =
          Product(MatMulKernelsFor(CpuLevel::kPortable), w, x, 1, integer);
      for (const CpuLevel level : RunnableLevels()) {
        INFO(Where(level, {format, integer}, shape));
        REQUIRE(SameBits(Product(MatMulKernelsFor(level), w, x, 1, integer), portable));
      }
    }
  }
}

TEST_CASE("extreme codes on both sides are summed without saturation") {
  // The largest sums of products that groups can have: 32 * 255 * 127 and 32 * -128 * 127, and
  // with codes of 15 bits, 32 * 255 * 16256.
  const size_t n = 16, k = 64;
  WeightMemory memory(1);
  for (const int sign : {1, -1}) {
    MatrixPacker low(PackedFormat::kInt8, n, k, memory);
    MatrixPacker high(PackedFormat::kUint8Min, n, k, memory);
    MatrixPacker four(PackedFormat::kInt4Min, n, k, memory);
    for (size_t row = 0; row < n; ++row) {
      low.Row(row, std::vector<int8_t>(k, -128), std::vector<float>(2, 1.0f));
      high.Row(row, std::vector<uint8_t>(k, 255), std::vector<float>(2, 1.0f),
               std::vector<float>(2, 0.0f));
      four.Row(row, std::vector<uint8_t>(k, 15), std::vector<float>(2, 1.0f),
               std::vector<float>(2, 0.0f));
    }
    const PackedMatrix w_low = std::move(low).Finish(), w_high = std::move(high).Finish(),
                       w_four = std::move(four).Finish();
    for (const CpuLevel level : RunnableLevels()) {
      CAPTURE(LevelName(level), sign);
      const MatMulKernels& kernels = MatMulKernelsFor(level);
      for (const ActivationKind kind : {ActivationKind::kInt8, ActivationKind::kInt15}) {
        const float largest = kind == ActivationKind::kInt15 ? 16256.0f : 127.0f;
        const float unit = 64.0f * largest * static_cast<float>(sign);
        for (const size_t rows : {5, 20}) {
          const std::vector<float> x(rows * k, largest * static_cast<float>(sign));  // scale 1
          const auto all = [&](float value) { return std::vector<float>(rows * n, value); };
          REQUIRE(Product(kernels, w_low, x, 1, kind) == all(-128 * unit));
          REQUIRE(Product(kernels, w_high, x, 1, kind) == all(255 * unit));
          REQUIRE(Product(kernels, w_four, x, 1, kind) == all(15 * unit));
        }
      }
    }
  }
}

TEST_CASE("nothing is written beyond a matrix's columns or a batch's rows") {
  constexpr float kUntouched = 12345.0f;
  const size_t rows = 18, n = 21, k = 64, stride = 40;
  for (const CpuLevel level : RunnableLevels()) {
    for (const auto& [format, integer] : AllProductKinds()) {
      const MatMulKernels& kernels = MatMulKernelsFor(level);
      const PackedMatrix w = RandomMatrix(format, n, k, 9);
      const std::vector<float> x = RandomRows(rows, k, 10);
      ActivationRows encoded;
      encoded.Shape(ActivationKindFor(kernels, format, integer), rows, k);
      encoded.Encode(kernels, x.data(), k, 0, rows);
      std::vector<float> out((rows + 2) * stride, kUntouched);
      MatMul(kernels, w, {0, w.panels()}, encoded, encoded.tiles(), out.data(), stride);
      INFO(Where(level, {format, integer}, {rows, n, k}));
      for (size_t row = 0; row < rows + 2; ++row) {
        for (size_t column = 0; column < stride; ++column) {
          const bool ours = row < rows && column < n;
          REQUIRE((out[row * stride + column] == kUntouched) == !ours);
        }
      }
    }
  }
}

TEST_CASE("a row with an infinity or a NaN is seen in its product, and spoils no other row") {
  const size_t n = 20, k = 96;
  for (const CpuLevel level : RunnableLevels()) {
    for (const auto& [format, integer] : AllProductKinds()) {
      const PackedMatrix w = RandomMatrix(format, n, k, 11);
      const MatMulKernels& kernels = MatMulKernelsFor(level);
      std::vector<float> x = RandomRows(3, k, 12);
      const std::vector<float> good = Product(kernels, w, x, 1, integer);
      for (const float bad :
           {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        x[k + 50] = bad;
        const std::vector<float> out = Product(kernels, w, x, 1, integer);
        INFO(Where(level, {format, integer}, {3, n, k}));
        for (size_t i = 0; i < out.size(); ++i) {
          const bool spoiled = i / n == 1;
          REQUIRE(std::isfinite(out[i]) == !spoiled);
          if (!spoiled) REQUIRE(out[i] == good[i]);
        }
      }
    }
  }
}

TEST_CASE("rows are encoded with the same bits at every level, tiny and huge ones too") {
  for (const ActivationKind kind : {ActivationKind::kInt8, ActivationKind::kInt15}) {
    for (const float factor : {1e-42f, 1e-31f, 1e-20f, 1.0f, 1e30f}) {
      std::vector<float> x = RandomRows(1, 250, 13);
      for (float& value : x) value *= factor;
      const std::vector<std::byte> portable = Encoded(CpuLevel::kPortable, kind, x);
      for (const CpuLevel level : RunnableLevels()) {
        CAPTURE(LevelName(level), factor);
        REQUIRE(Encoded(level, kind, x) == portable);
      }
    }
  }
}

TEST_CASE("codes of 15 bits round a 128th of what codes of 8 bits do") {
  const std::vector<float> x = RandomRows(1, 320, 14);
  for (const CpuLevel level : RunnableLevels()) {
    const std::vector<std::byte> records = Encoded(level, ActivationKind::kInt15, x);
    for (size_t i = 0; i < x.size(); ++i) {
      WideActivationGroup group;
      std::memcpy(&group, records.data() + i / kGroup * sizeof group, sizeof group);
      const int code = 128 * group.high[i % kGroup] + group.low[i % kGroup];
      CAPTURE(LevelName(level), i);
      REQUIRE(std::abs(code) <= 16256);
      REQUIRE(std::fabs(group.scale * static_cast<float>(code) - x[i]) <= 0.51f * group.scale);
    }
  }
}

TEST_CASE("parts of a product's rows cover each row once, and give it the bits of the whole") {
  const size_t n = 40, k = 96;
  for (const CpuLevel level : RunnableLevels()) {
    for (const auto& [format, integer] : AllProductKinds()) {
      const MatMulKernels& kernels = MatMulKernelsFor(level);
      const PackedMatrix w = RandomMatrix(format, n, k, 13);
      for (const size_t rows : {size_t{127}, size_t{301}, size_t{512}}) {
        const std::vector<float> x = RandomRows(rows, k, rows);
        ActivationRows encoded;
        encoded.Shape(ActivationKindFor(kernels, format, integer), rows, k);
        encoded.Encode(kernels, x.data(), k, 0, rows);
        const RowParts parts(encoded, 3);
        INFO(Where(level, {format, integer}, {rows, n, k}));
        REQUIRE(parts.count() == (rows < 128 ? 1 : rows < 384 ? rows / 128 : 3));
        std::vector<float> out(rows * n);
        size_t next = 0;
        for (size_t i = 0; i < parts.count(); ++i) {
          const RowPart part = parts.Of(i);
          REQUIRE(part.first_row == next);
          next += part.rows;
          MatMul(kernels, w, {0, w.panels()}, encoded, part.tiles, &out[part.first_row * n], n);
        }
        REQUIRE(next == rows);
        REQUIRE(out == Product(kernels, w, x, 1, integer));
      }
    }
  }
}

TEST_CASE("a split covers every panel once") {
  WeightMemory memory(1);
  for (const size_t n : {size_t{1}, size_t{300}, size_t{5000}}) {
    const PackedMatrix w = MatrixPacker(PackedFormat::kInt4, n, 640, memory).Finish();
    for (const size_t rows : {size_t{1}, size_t{8}, size_t{512}}) {
      for (const size_t threads : {size_t{1}, size_t{2}, size_t{64}}) {
        const PanelSplit split(w, rows, threads);
        size_t next = 0;
        for (size_t task = 0; task < split.tasks(); ++task) {
          const PanelRange range = split.Of(task);
          REQUIRE(range.begin == next);
          REQUIRE(range.end > range.begin);
          next = range.end;
        }
        REQUIRE(next == w.panels());
      }
    }
  }
}

}  // namespace cairn
