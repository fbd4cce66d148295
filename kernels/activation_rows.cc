#include "kernels/activation_rows.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "kernels/kernel_check.h"

namespace cairn {
namespace {

constexpr size_t kTileRowsMax = 16;  // float sums that fit in registers beside a group of weights
constexpr std::align_val_t kAlign{64};

size_t RecordBytes(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kInt8:
      return sizeof(ActivationGroup);
    case ActivationKind::kInt15:
      return sizeof(WideActivationGroup);
    case ActivationKind::kBf16:
      return kGroup * sizeof(uint16_t);
    case ActivationKind::kRoundedBf16:
      return kGroup * sizeof(float);
  }
  return 0;
}

bool IsIntegerKind(ActivationKind kind) {
  return kind == ActivationKind::kInt8 || kind == ActivationKind::kInt15;
}

}  // namespace

ActivationKind ActivationKindFor(const MatMulKernels& kernels, PackedFormat format,
                                 ActivationKind integer) {
  CAIRN_KERNEL_CHECK(IsIntegerKind(integer));
  return format == PackedFormat::kBf16 ? kernels.bf16_kind : integer;
}

void ActivationRows::Free::operator()(std::byte* memory) const {
  ::operator delete(memory, kAlign);
}

void ActivationRows::Shape(ActivationKind kind, size_t rows, size_t k) {
  CAIRN_KERNEL_CHECK(k > 0);
  const size_t tiles = std::max<size_t>(1, (rows + kTileRowsMax - 1) / kTileRowsMax);
  kind_ = kind;
  rows_ = rows;
  k_ = k;
  k_blocks_ = (k + kKBlock - 1) / kKBlock;
  tile_rows_ = std::max<size_t>(1, (rows + tiles - 1) / tiles);
  if (tile_rows_ > 8) tile_rows_ = tile_rows_ > 12 ? 16 : 12;
  tile_bytes_ = k_blocks_ * (kKBlock / kGroup) * tile_rows_ * RecordBytes(kind);
  tile_bytes_ = (tile_bytes_ + 63) / 64 * 64;
  const size_t bytes = tiles * tile_bytes_;
  if (bytes > held_bytes_) {
    data_.reset(static_cast<std::byte*>(::operator new(bytes, kAlign)));
    held_bytes_ = bytes;
    std::memset(data_.get(), 0, bytes);
  }
}

void ActivationRows::Encode(const MatMulKernels& kernels, const float* x, size_t x_stride,
                            size_t begin, size_t end) {
  CAIRN_KERNEL_CHECK(end <= rows_);
  for (size_t row = begin; row < end; ++row) EncodeColumns(kernels, x + row * x_stride, row, 0, k_);
}

void ActivationRows::EncodeColumns(const MatMulKernels& kernels, const float* x, size_t row,
                                   size_t begin, size_t count) {
  CAIRN_KERNEL_CHECK(row < rows_ && begin % kKBlock == 0 && begin + count <= k_);
  CAIRN_KERNEL_CHECK(count % kKBlock == 0 || begin + count == k_);
  CAIRN_KERNEL_CHECK(IsIntegerKind(kind_) || kind_ == kernels.bf16_kind);
  const auto encode = kind_ == ActivationKind::kInt8    ? kernels.encode_int8
                      : kind_ == ActivationKind::kInt15 ? kernels.encode_int15
                                                        : kernels.encode_bf16;
  const size_t record_bytes = RecordBytes(kind_);
  const size_t record = begin / kGroup * tile_rows_ + row % tile_rows_;
  encode({.x = x,
          .k = count,
          .k_blocks = (count + kKBlock - 1) / kKBlock,
          .records = data_.get() + row / tile_rows_ * tile_bytes_ + record * record_bytes,
          .record_stride = tile_rows_ * record_bytes});
}

}  // namespace cairn
