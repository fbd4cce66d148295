// y = W x for rows of activations: one or more weight matrices of a file that share their input,
// packed together so that they are one product ("q, k and v").
//
//   kBf16  weights and activations in bf16
//   kInt8  weights as 8-bit codes in groups of 32, activations in codes of 8 or 15 bits in
//          groups of 32, as the matrix asks
//   kQ4    as kInt8, but 4-bit codes stay packed where the file has them
//
// Both integer formats hold the file's codes as they are; Q6_K, whose groups are of 16, and floats
// are quantised to 8 bits. Scales are fp16, which is what files have but for Q4_K and Q5_K (within
// 2^-11).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/activation_rows.h"
#include "kernels/matmul.h"
#include "kernels/packed_matrix.h"
#include "kernels/weight_memory.h"
#include "worker/engine/worker_team.h"
#include "worker/model/tensor.h"

namespace cairn {

enum class WeightFormat : uint8_t { kBf16, kInt8, kQ4 };

const char* NameOf(WeightFormat format);                               // "bf16", "int8", "q4"
std::optional<WeightFormat> ParseWeightFormat(std::string_view name);  // as NameOf

// How finely integer formats round a matrix's input: kFine costs twice the products, so it is for
// the matrices whose input matters most (docs/numbers/quality.md).
enum class InputRounding : uint8_t { kCoarse, kFine };  // codes of 8 bits; of 15

class Linear {
 public:
  Linear() = default;
  // Packs with all workers. REQUIRES: the tensors are matrices with the same columns.
  static Linear Pack(std::span<const Tensor* const> tensors, WeightFormat format,
                     WeightMemory& memory, WorkerTeam& team,
                     InputRounding rounding = InputRounding::kCoarse);

  uint32_t rows() const { return rows_; }  // of all tensors, in their order
  uint32_t columns() const { return columns_; }
  uint64_t bytes() const;  // of the packed weights

  // How the other side of the product is encoded.
  ActivationKind activation_kind(const MatMulKernels& kernels) const {
    const bool fine = rounding_ == InputRounding::kFine;
    return ActivationKindFor(kernels, segments_.front().matrix.format(),
                             fine ? ActivationKind::kInt15 : ActivationKind::kInt8);
  }

  // y (activation row, rows()) float; rows start y_stride floats apart.
  // REQUIRES: x is encoded by these kernels in activation_kind.
  void Apply(const MatMulKernels& kernels, const ActivationRows& x, float* y, size_t y_stride,
             WorkerTeam& team) const;

  // Columns begin to end - 1 of y alone, and of the rows of tiles, on the calling thread; `y` is
  // where column begin of the first of those rows goes.
  // REQUIRES: packed from one tensor; begin a multiple of 16, end too unless it is rows().
  void ApplyColumns(const MatMulKernels& kernels, const ActivationRows& x, TileRange tiles,
                    uint32_t begin, uint32_t end, float* y, size_t y_stride) const;
  // How many tasks a product with so many rows is worth.
  size_t Tasks(size_t x_rows, size_t threads) const;

 private:
  // Rows of W from row_begin on, packed in one format. All segments of a matrix are either bf16 or
  // integer, so one encoding of the input serves them.
  struct Segment {
    uint32_t row_begin = 0;
    PackedMatrix matrix;
  };

  uint32_t rows_ = 0;
  uint32_t columns_ = 0;
  InputRounding rounding_ = InputRounding::kCoarse;
  std::vector<Segment> segments_;
};

}  // namespace cairn
