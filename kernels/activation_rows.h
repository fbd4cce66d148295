// The rows that a product multiplies with a matrix, encoded as its kernels want them: codes of 8 or
// 15 bits with a scale for every group of 32, or bf16. A row's encoding depends on that row alone.
//
//   memory: (tile, group of 32 along K, row in tile) records
//
// A tile holds up to 16 rows; rows are spread evenly over as few tiles as possible, because a
// kernel works on a tile at a time and reads it from front to back. A tile of more than 8 rows has
// 12 or 16, for which there are kernels with AMX (17 rows: 12 and 5); what is missing in the last
// one is garbage.
//
//   ActivationRows rows;                               // kept from step to step
//   rows.Shape(ActivationKindFor(kernels, w.format()), count, w.k());
//   rows.Encode(kernels, x, x_stride, begin, end);     // any split of the rows over threads
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/matmul_args.h"

namespace cairn {

// What a matrix of the format is multiplied with. Integer formats leave a choice, kInt8 or kInt15:
// twice the products for a 128th of the rounding.
ActivationKind ActivationKindFor(const MatMulKernels& kernels, PackedFormat format,
                                 ActivationKind integer = ActivationKind::kInt8);

// Tiles begin <= t < end of encoded rows.
struct TileRange {
  size_t begin = 0;
  size_t end = 0;
};

class ActivationRows {
 public:
  // Makes room for so many rows of k floats; what was encoded is lost. Allocates only if it never
  // was this large before. REQUIRES: k > 0.
  void Shape(ActivationKind kind, size_t rows, size_t k);

  // Rows begin..end of x (row, k), rows x_stride floats apart.
  // A group of zeros (or below 1e-30) has scale 0; a group with an infinity or a NaN makes every
  // result of its row NaN or infinite, so that such a row is seen and not served. REQUIRES: the
  // kernels that the kind was chosen for; end <= rows().
  void Encode(const MatMulKernels& kernels, const float* x, size_t x_stride, size_t begin,
              size_t end);

  // Columns begin to begin + count - 1 of one row; x is where column begin is. REQUIRES: begin a
  // multiple of 64, count too unless the columns are the last.
  void EncodeColumns(const MatMulKernels& kernels, const float* x, size_t row, size_t begin,
                     size_t count);

  ActivationKind kind() const { return kind_; }
  size_t rows() const { return rows_; }
  size_t k() const { return k_; }
  size_t k_blocks() const { return k_blocks_; }
  size_t tile_rows() const { return tile_rows_; }
  size_t tile_bytes() const { return tile_bytes_; }
  TileRange tiles() const { return {0, (rows_ + tile_rows_ - 1) / tile_rows_}; }
  size_t RowsIn(TileRange tiles) const {  // REQUIRES: within tiles()
    return std::min(rows_, tiles.end * tile_rows_) - tiles.begin * tile_rows_;
  }
  const std::byte* data() const { return data_.get(); }
  size_t held_bytes() const { return held_bytes_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };

  ActivationKind kind_ = ActivationKind::kInt8;
  size_t rows_ = 0;
  size_t k_ = 0;
  size_t k_blocks_ = 0;
  size_t tile_rows_ = 1;
  size_t tile_bytes_ = 0;
  size_t held_bytes_ = 0;
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace cairn
