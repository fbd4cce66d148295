#include "worker/model/linear.h"

#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"
#include "worker/model/dequantize.h"

namespace cairn {
namespace {

constexpr uint64_t kPackRowsPerTask = 128;

PackedFormat PackedFormatFor(TensorType type, WeightFormat format) {
  if (format == WeightFormat::kBf16) return PackedFormat::kBf16;
  const bool four_bit = format == WeightFormat::kQ4;
  switch (type) {
    case TensorType::kQ4_0:
      return four_bit ? PackedFormat::kInt4 : PackedFormat::kInt8;
    case TensorType::kQ4_1:
    case TensorType::kQ4_K:
      return four_bit ? PackedFormat::kInt4Min : PackedFormat::kUint8Min;
    case TensorType::kQ5_1:
    case TensorType::kQ5_K:
      return PackedFormat::kUint8Min;
    case TensorType::kQ5_0:
    case TensorType::kQ8_0:
    case TensorType::kQ6_K:
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBf16:
      return PackedFormat::kInt8;
  }
  CAIRN_CHECK(false);
  return PackedFormat::kInt8;
}

// One row at a time, from the file's type to a packed format. One for each task.
class RowPacker {
 public:
  RowPacker(const Tensor& tensor, PackedFormat format, MatrixPacker& packer)
      : tensor_(tensor),
        format_(format),
        packer_(packer),
        floats_(tensor.columns()),
        codes_(tensor.columns()),
        scales_(tensor.columns() / kGroupValues),
        offsets_(tensor.columns() / kGroupValues) {}

  void Pack(uint64_t row, size_t to) {
    if (format_ == PackedFormat::kBf16 || GroupedCodesOf(tensor_.type) == GroupedCodes::kNone) {
      DequantizeRow(tensor_.type, tensor_.row(row), floats_);
      return packer_.Row(to, std::span<const float>(floats_));
    }
    DecodeGroups(tensor_.type, tensor_.row(row), {codes_, scales_, offsets_});
    const std::span<const float> scales(scales_);
    const std::span<const uint8_t> codes(reinterpret_cast<const uint8_t*>(codes_.data()),
                                         codes_.size());
    switch (format_) {
      case PackedFormat::kInt4:
        return packer_.Row(to, codes, scales);
      case PackedFormat::kUint8Min:
      case PackedFormat::kInt4Min:
        return packer_.Row(to, codes, scales, offsets_);
      case PackedFormat::kInt8:
        if (tensor_.type == TensorType::kQ4_0) {  // 0..15 with the middle at 8
          for (int8_t& code : codes_) code = static_cast<int8_t>(code - 8);
        }
        return packer_.Row(to, std::span<const int8_t>(codes_), scales);
      case PackedFormat::kBf16:
        break;
    }
    CAIRN_CHECK(false);
  }

 private:
  const Tensor& tensor_;
  const PackedFormat format_;
  MatrixPacker& packer_;
  std::vector<float> floats_;
  std::vector<int8_t> codes_;
  std::vector<float> scales_;
  std::vector<float> offsets_;
};

PackedMatrix PackRows(std::span<const Tensor* const> tensors, PackedFormat format,
                      WeightMemory& memory, WorkerTeam& team) {
  uint64_t rows = 0;
  for (const Tensor* tensor : tensors) rows += tensor->rows();
  MatrixPacker packer(format, rows, tensors.front()->columns(), memory);
  uint64_t packed = 0;
  for (const Tensor* tensor : tensors) {
    const uint64_t count = tensor->rows();
    team.Run((count + kPackRowsPerTask - 1) / kPackRowsPerTask, [&](size_t task, int) {
      RowPacker row_packer(*tensor, format, packer);
      const uint64_t begin = task * kPackRowsPerTask;
      for (uint64_t row = begin; row < std::min(count, begin + kPackRowsPerTask); ++row) {
        row_packer.Pack(row, packed + row);
      }
    });
    packed += count;
  }
  return std::move(packer).Finish();
}

}  // namespace

const char* NameOf(WeightFormat format) {
  switch (format) {
    case WeightFormat::kBf16:
      return "bf16";
    case WeightFormat::kInt8:
      return "int8";
    case WeightFormat::kQ4:
      return "q4";
  }
  return "unknown";
}

std::optional<WeightFormat> ParseWeightFormat(std::string_view name) {
  for (WeightFormat format : {WeightFormat::kBf16, WeightFormat::kInt8, WeightFormat::kQ4}) {
    if (name == NameOf(format)) return format;
  }
  return std::nullopt;
}

Linear Linear::Pack(std::span<const Tensor* const> tensors, WeightFormat format,
                    WeightMemory& memory, WorkerTeam& team, InputRounding rounding) {
  CAIRN_CHECK(!tensors.empty());
  Linear linear;
  linear.rounding_ = rounding;
  linear.columns_ = static_cast<uint32_t>(tensors.front()->columns());
  for (size_t begin = 0, end = 0; begin < tensors.size(); begin = end) {
    const PackedFormat packed = PackedFormatFor(tensors[begin]->type, format);
    const uint32_t row_begin = linear.rows_;
    for (end = begin; end < tensors.size(); ++end) {
      CAIRN_CHECK_EQ(tensors[end]->columns(), uint64_t{linear.columns_});
      if (PackedFormatFor(tensors[end]->type, format) != packed) break;
      linear.rows_ += static_cast<uint32_t>(tensors[end]->rows());
    }
    linear.segments_.push_back(
        {row_begin, PackRows(tensors.subspan(begin, end - begin), packed, memory, team)});
  }
  return linear;
}

uint64_t Linear::bytes() const {
  uint64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += segment.matrix.bytes();
  return bytes;
}

size_t Linear::Tasks(size_t x_rows, size_t threads) const {
  size_t tasks = 0;
  for (const Segment& segment : segments_) {
    tasks += PanelSplit(segment.matrix, x_rows, threads).tasks();
  }
  return tasks;
}

void Linear::Apply(const MatMulKernels& kernels, const ActivationRows& x, float* y, size_t y_stride,
                   WorkerTeam& team) const {
  const auto threads = static_cast<size_t>(team.threads());
  const RowParts parts(x, threads);
  const size_t tasks = Tasks(parts.rows_of_each(), threads);  // of a part
  team.Run(parts.count() * tasks, [&](size_t task, int) {
    const RowPart part = parts.Of(task / tasks);
    float* const out = y + part.first_row * y_stride;
    task %= tasks;
    for (const Segment& segment : segments_) {
      const PanelSplit split(segment.matrix, parts.rows_of_each(), threads);
      if (task < split.tasks()) {
        return MatMul(kernels, segment.matrix, split.Of(task), x, part.tiles,
                      out + segment.row_begin, y_stride);
      }
      task -= split.tasks();
    }
  });
}

void Linear::ApplyColumns(const MatMulKernels& kernels, const ActivationRows& x, TileRange tiles,
                          uint32_t begin, uint32_t end, float* y, size_t y_stride) const {
  CAIRN_CHECK_EQ(segments_.size(), size_t{1});
  CAIRN_CHECK_EQ(begin % kPanelColumns, 0u);
  CAIRN_CHECK(end <= rows_ && (end == rows_ || end % kPanelColumns == 0));
  const PanelRange panels{begin / kPanelColumns, (end + kPanelColumns - 1) / kPanelColumns};
  MatMul(kernels, segments_.front().matrix, panels, x, tiles, y - begin, y_stride);
}

}  // namespace cairn
