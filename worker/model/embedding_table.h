// The embedding as it lies in the mapped file: rows are decoded when they are looked up, so that no
// float copy of the vocabulary is ever held.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "kvstore/base/check.h"
#include "kvstore/base/ids.h"
#include "worker/model/dequantize.h"
#include "worker/model/mapped_file.h"
#include "worker/model/weight_file.h"

namespace cairn {

class EmbeddingTable {
 public:
  EmbeddingTable() = default;
  // `tensor` is one of `file`. Rows are multiplied by `scale`.
  EmbeddingTable(std::shared_ptr<const WeightFile> file, const Tensor* tensor, float scale)
      : file_(std::move(file)), tensor_(tensor), scale_(scale) {}

  // Writes the row of each token. REQUIRES: tokens are in the vocabulary.
  //   out (token, width) float, rows one after another
  void LookUp(std::span<const TokenId> tokens, float* out) {
    const size_t width = tensor_->columns();
    for (size_t i = 0; i < tokens.size(); ++i) {
      CAIRN_CHECK_LT(static_cast<uint64_t>(tokens[i]), tensor_->rows());
      const std::span<float> row(out + i * width, width);
      DequantizeRow(tensor_->type, tensor_->row(static_cast<uint64_t>(tokens[i])), row);
      for (float& x : row) x *= scale_;
    }
    // A touched row brings up to 64 KiB of the file into this process. They are given back in time,
    // so that a long life does not end with the whole table resident beside its packed copy.
    touched_ += tokens.size();
    if (touched_ < kTouchedMax) return;
    DropPages(tensor_->bytes);
    touched_ = 0;
  }

 private:
  static constexpr size_t kTouchedMax = 512;
  std::shared_ptr<const WeightFile> file_;  // keeps the mapping
  const Tensor* tensor_ = nullptr;
  float scale_ = 1;
  size_t touched_ = 0;
};

}  // namespace cairn
