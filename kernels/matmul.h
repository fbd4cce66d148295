// out = x * W^T for packed weights: the linear layers of a model.
//
// A row's result has the same bits whatever the number of rows, its place among them, the split
// into panels and the number of threads: each element is one chain of operations in ascending order
// of k. For the integer formats it has the same bits at every level:
//   sum = 0;  for each group of 32:  sum = fma(float(exact integer dot product), d * x.scale, sum)
//                                    sum = fma(m, x.scale * float(sum of x.codes), sum)   (with m)
// where codes of 15 bits are those of the halves joined, 128 * high + low.
// For kBf16 the order of a level is its own: bf16 products are summed in float, pair by pair where
// the processor has vdpbf16ps, tile by tile with AMX, else one by one; levels agree within
// rounding.
//
//   const MatMulKernels& kernels = MatMulKernelsFor(DetectCpuLevel());
//   rows.Shape(...); rows.Encode(...);                        // kernels/activation_rows.h
//   const PanelSplit split(w, rows.rows(), threads);
//   any thread, for each task < split.tasks(): MatMul(kernels, w, rows, split.Of(task), out,
//   stride);
#pragma once

#include <cstddef>

#include "kernels/activation_rows.h"
#include "kernels/cpu_level.h"
#include "kernels/matmul_args.h"
#include "kernels/packed_matrix.h"

namespace cairn {

// REQUIRES: this machine has the level.
const MatMulKernels& MatMulKernelsFor(CpuLevel level);

// Panels begin <= p < end of a matrix: the columns 16 * begin to 16 * end - 1.
struct PanelRange {
  size_t begin = 0;
  size_t end = 0;
};

// Cuts a product into tasks for threads that claim them one by one: few for little work, since a
// task costs a claim, and several a thread for much, so that none waits long for the slowest.
class PanelSplit {
 public:
  PanelSplit(const PackedMatrix& matrix, size_t rows, size_t threads);
  size_t tasks() const { return tasks_; }
  PanelRange Of(size_t task) const;  // REQUIRES: task < tasks()

 private:
  size_t panels_;
  size_t tasks_;
};

// Cuts the rows of a large product into a part for each thread: one that multiplies, encodes and
// adds the same rows from product to product finds them in its own cache. For fewer rows weights
// cost more than rows do; then there is one part, and panels are what threads share.
struct RowPart {
  TileRange tiles;
  size_t first_row;
  size_t rows;
};
class RowParts {
 public:
  RowParts(const ActivationRows& rows, size_t threads);  // `rows` must outlive it
  size_t count() const { return count_; }
  RowPart Of(size_t part) const;                                 // REQUIRES: part < count()
  size_t rows_of_each() const { return rows_.rows() / count_; }  // about

 private:
  const ActivationRows& rows_;
  size_t count_;
};

// Columns of panels and rows of tiles of the product, to out (row, n) float, rows out_stride floats
// apart; out is where column 0 of the first of those rows goes. REQUIRES: rows encoded by the same
// kernels in a kind for the matrix's format and of its k; panels and tiles within the matrix and
// the rows.
void MatMul(const MatMulKernels& kernels, const PackedMatrix& matrix, PanelRange panels,
            const ActivationRows& rows, TileRange tiles, float* out, size_t out_stride);

}  // namespace cairn
