#include "kernels/matmul.h"

#include <algorithm>

#include "kernels/kernel_check.h"

namespace cairn {

namespace level_portable {
extern const MatMulKernels kMatMul;
}

#if defined(__x86_64__)
namespace level_avx2 {
extern const MatMulKernels kMatMul;
}
namespace level_amx {
extern const MatMulKernels kMatMul;
}
namespace level_avx512 {
extern const MatMulKernels kMatMul;
}
namespace level_avx512_bf16 {
extern const MatMulKernels kMatMul;
}
#endif

const MatMulKernels& MatMulKernelsFor(CpuLevel level) {
#if defined(__x86_64__)
  if (level == CpuLevel::kAmx) return level_amx::kMatMul;
  if (level == CpuLevel::kAvx512) {
    return HasAvx512Bf16() ? level_avx512_bf16::kMatMul : level_avx512::kMatMul;
  }
  if (level == CpuLevel::kAvx2) return level_avx2::kMatMul;
#endif
  static_cast<void>(level);
  return level_portable::kMatMul;
}

PanelSplit::PanelSplit(const PackedMatrix& matrix, size_t rows, size_t threads)
    : panels_(matrix.panels()) {
  // About 10 us of work in a task: 128 KiB of weights, or 2 M multiplications, at 12 GB/s or 200
  // G/s.
  const size_t by_bytes = matrix.bytes() >> 17;
  const size_t by_work = matrix.n() * matrix.k() / 1024 * rows >> 11;
  const size_t wanted = std::min(std::max({by_bytes, by_work, threads}), threads * 8);
  tasks_ = std::clamp<size_t>(wanted, 1, std::max<size_t>(1, panels_));
}

PanelRange PanelSplit::Of(size_t task) const {
  CAIRN_KERNEL_CHECK(task < tasks_);
  return {panels_ * task / tasks_, panels_ * (task + 1) / tasks_};
}

constexpr size_t kPartRowsMin = 128;

RowParts::RowParts(const ActivationRows& rows, size_t threads)
    : rows_(rows),
      count_(std::clamp<size_t>(rows.rows() / kPartRowsMin, 1, std::max<size_t>(1, threads))) {}

RowPart RowParts::Of(size_t part) const {
  CAIRN_KERNEL_CHECK(part < count_);
  const size_t all = rows_.tiles().end;
  const TileRange tiles = {all * part / count_, all * (part + 1) / count_};
  return {tiles, tiles.begin * rows_.tile_rows(), rows_.RowsIn(tiles)};
}

void MatMul(const MatMulKernels& kernels, const PackedMatrix& matrix, PanelRange panels,
            const ActivationRows& rows, TileRange tiles, float* out, size_t out_stride) {
  CAIRN_KERNEL_CHECK(panels.begin <= panels.end && panels.end <= matrix.panels());
  CAIRN_KERNEL_CHECK(tiles.begin <= tiles.end && tiles.end <= rows.tiles().end);
  CAIRN_KERNEL_CHECK(rows.k() == matrix.k());
  const bool wide = rows.kind() == ActivationKind::kInt15;
  const auto integer = wide ? ActivationKind::kInt15 : ActivationKind::kInt8;
  CAIRN_KERNEL_CHECK(rows.kind() == ActivationKindFor(kernels, matrix.format(), integer));
  if (tiles.begin == tiles.end || panels.begin == panels.end) return;
  const MatMulArgs args{.format = matrix.format(),
                        .weights = matrix.data(),
                        .panel_bytes = matrix.panel_bytes(),
                        .n = matrix.n(),
                        .k_blocks = matrix.k_blocks(),
                        .panel_begin = panels.begin,
                        .panel_end = panels.end,
                        .kind = rows.kind(),
                        .activations = rows.data() + tiles.begin * rows.tile_bytes(),
                        .rows = rows.RowsIn(tiles),
                        .tile_rows = rows.tile_rows(),
                        .tile_bytes = rows.tile_bytes(),
                        .out = out,
                        .out_stride = out_stride};
  if (matrix.format() == PackedFormat::kBf16) {
    kernels.bf16(args);
  } else {
    kernels.integer(args);
  }
}

}  // namespace cairn
