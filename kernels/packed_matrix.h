// A weight matrix as the kernels read it: W (N outputs, K inputs), immutable, shared by all
// threads.
//
// Sixteen columns (outputs) are a panel, and a panel is one run of memory from k = 0 on, so that a
// product with few rows is one sequential read:
//
//   integer formats, for each 64 of K, 64-aligned:
//     codes of group 0 | codes of group 1 | d: 2 x 16 fp16 | m: 2 x 16 fp16 (formats with a
//     minimum) 8-bit codes   [8 quads of k][16 columns][4 k]   the order of vpdpbusd; kInt8 is kept
//     as q + 128 4-bit codes   [4][16 columns][4 k]              low halves: quad 2j, high halves:
//     quad 2j + 1
//   kBf16, for each 64 of K: [32 pairs of k][16 columns][2 k]     the order of vdpbf16ps and AMX
//
// K is padded to 64 and N to 16, with weights that are zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "kernels/matmul_args.h"
#include "kernels/weight_memory.h"

namespace cairn {

std::string_view PackedFormatName(PackedFormat format);  // "bf16", "int8", "uint8-min", ...

class PackedMatrix {
 public:
  PackedMatrix() = default;

  PackedFormat format() const { return format_; }
  size_t n() const { return n_; }
  size_t k() const { return k_; }
  size_t k_blocks() const { return k_blocks_; }
  size_t panels() const { return panels_; }
  size_t panel_bytes() const { return panel_bytes_; }
  size_t bytes() const { return panels_ * panel_bytes_; }
  const std::byte* data() const { return data_.get(); }

  // Row n of W as floats, k() of them: embeddings are kept in the matrix of the output head.
  // d * q is exact; d * q + m is rounded once (one fused multiply-add).
  void Row(size_t n, float* out) const;

 private:
  friend class MatrixPacker;

  PackedFormat format_ = PackedFormat::kBf16;
  size_t n_ = 0;
  size_t k_ = 0;
  size_t k_blocks_ = 0;
  size_t panels_ = 0;
  size_t panel_bytes_ = 0;
  std::shared_ptr<std::byte> data_;  // of a WeightMemory, which lives as long as its last matrix
};

// Makes a PackedMatrix row by row, in any order; several threads may write different rows. A row
// that is never written is zero.
//
// Groups are the 32 consecutive k of GGUF's blocks, (k + 31) / 32 of them. Scales are rounded to
// fp16: exact for Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0, whose scales are fp16; within 2^-11 for the
// products d * sc of Q4_K and Q5_K.
class MatrixPacker {
 public:
  // REQUIRES: n > 0, k > 0. Throws std::bad_alloc if there is no memory.
  MatrixPacker(PackedFormat format, size_t n, size_t k, WeightMemory& memory);

  // REQUIRES, here and below: n < N; spans as long as k or as there are groups; the format named.
  // kInt8
  void Row(size_t n, std::span<const int8_t> codes, std::span<const float> d);
  // kInt4: codes 0..15
  void Row(size_t n, std::span<const uint8_t> codes, std::span<const float> d);
  // kUint8Min, kInt4Min: codes 0..255 or 0..15
  void Row(size_t n, std::span<const uint8_t> codes, std::span<const float> d,
           std::span<const float> m);
  // kBf16: rounded to nearest even. kInt8: d = largest magnitude of the group / 127, rounded to
  // fp16 before the codes are chosen. Other formats are refused. Values must be finite: a NaN
  // becomes some code.
  void Row(size_t n, std::span<const float> weights);
  // kBf16 as it is.
  void RowBf16(size_t n, std::span<const uint16_t> weights);

  PackedMatrix Finish() &&;

 private:
  size_t groups() const { return (matrix_.k_ + kGroup - 1) / kGroup; }
  std::byte* Block(size_t n, size_t block) const;
  void StoreGroup(size_t n, size_t group, const uint8_t* codes, size_t count, float d, float m);
  void CheckRow(bool right_format, size_t n, size_t codes, size_t scales) const;

  PackedMatrix matrix_;
};

// Bytes that such a matrix takes, for budgets made before loading.
size_t PackedBytes(PackedFormat format, size_t n, size_t k);

}  // namespace cairn
