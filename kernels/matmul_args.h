// What the kernels of matrix multiplication are given: plain structs, and nothing that a compiler
// could emit twice, because units of every level include this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

// How the weights of a matrix are kept. The integer formats have a scale d, and some a minimum m,
// for each column and group of 32 along K, both fp16:
enum class PackedFormat : uint8_t {
  kBf16,      // w                    16 bits a weight
  kInt8,      // w = d * q            8.5     -128 <= q <= 127   Q8_0, Q5_0
  kUint8Min,  // w = d * q + m        9       0 <= q <= 255      Q5_1, Q5_K
  kInt4,      // w = d * (q - 8)      4.5     0 <= q <= 15       Q4_0
  kInt4Min,   // w = d * q + m        5       0 <= q <= 15       Q4_1, Q4_K
};

constexpr size_t kPanelColumns = 16;  // columns (outputs) that a kernel computes at a time
constexpr size_t kGroup = 32;         // weights or activations that share a scale
constexpr size_t kKBlock = 64;        // K is padded to this with zeros: two groups

// How the rows of a product's other side are kept; each group of 32 of a row is one record.
enum class ActivationKind : uint8_t {
  kInt8,         // ActivationGroup, for the integer formats
  kInt15,        // WideActivationGroup, for the same, at twice the products
  kBf16,         // 32 bf16
  kRoundedBf16,  // 32 float that are bf16 values, for levels that multiply floats
};

// x[i] = scale * codes[i], the rest being what kernels start or end sums with.
struct ActivationGroup {
  int8_t codes[kGroup];    // -127..127
  float scale;             // largest magnitude / 127
  float scaled_sum;        // scale * float(sum of codes)
  int32_t minus_8_sums;    // -8 * sum of codes, where weights have zero point 8
  int32_t minus_128_sums;  // the same for 128
};

// The same with codes of 15 bits, in two halves that are multiplied one after the other:
// x[i] = scale * (128 * high[i] + low[i]). Sums are of the whole codes; 32 products with weights of
// 8 bits stay below 2^27.
struct WideActivationGroup {
  int8_t high[kGroup];     // -127..127
  int8_t low[kGroup];      // -64..63
  float scale;             // largest magnitude / 16256, which is 128 * 127
  float scaled_sum;        // scale * float(sum of codes)
  int32_t minus_8_sums;    // -8 * sum of codes
  int32_t minus_128_sums;  // the same for 128
};

// out[row][column] for the columns of some panels and all rows. A row's result depends on that row
// and the weights alone.
//   weights      panels of 16 columns, see kernels/packed_matrix.h, panel_bytes apart
//   activations  (tile, group, row in tile) records, see kernels/activation_rows.h
//   out          (row, column) float, rows out_stride floats apart; only columns < n are written
struct MatMulArgs {
  PackedFormat format;
  const std::byte* weights;
  size_t panel_bytes;
  size_t n;
  size_t k_blocks;
  size_t panel_begin;
  size_t panel_end;
  ActivationKind kind;  // of the records; for integer formats kInt8 or kInt15
  const std::byte* activations;
  size_t rows;
  size_t tile_rows;   // 1..16
  size_t tile_bytes;  // from tile to tile
  float* out;
  size_t out_stride;
};

// One row of activations into its records, record_stride bytes apart.
//   x  (k) float; what is missing to k_blocks * 64 counts as zero
struct EncodeRowArgs {
  const float* x;
  size_t k;
  size_t k_blocks;
  std::byte* records;
  size_t record_stride;
};

struct MatMulKernels {
  void (*integer)(const MatMulArgs& args);
  void (*bf16)(const MatMulArgs& args);
  void (*encode_int8)(const EncodeRowArgs& args);
  void (*encode_int15)(const EncodeRowArgs& args);
  void (*encode_bf16)(const EncodeRowArgs& args);  // to bf16_kind
  ActivationKind bf16_kind;
};

}  // namespace cairn
