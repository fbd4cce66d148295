// One forward pass over the rows of a step, as one readable page (transformer.cc).
//
// Activations are float32 between kernels. A row's logits have the same bits whatever else is in
// the step, however its sequence was cut into steps, and for any number of workers: every kernel
// works row by row, in an order that depends on the row alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/attention.h"
#include "kernels/cpu_level.h"
#include "kernels/kv_layout.h"
#include "kernels/rope.h"
#include "kernels/row_kernels.h"
#include "kvstore/base/ids.h"
#include "kvstore/block/block_geometry.h"
#include "worker/model/linear.h"
#include "worker/model/model_config.h"
#include "worker/model/model_weights.h"

namespace cairn {

// Consecutive tokens of one sequence, as in StepSpan.
struct ForwardSpan {
  uint32_t first_position = 0;
  std::span<const TokenId> tokens;
  std::span<const SlotIndex> table;
};

// Where the KV of all sequences lives: slot i starts at i * slot_bytes.
struct KvSlots {
  std::byte* base = nullptr;
  uint64_t slot_bytes = 0;
};

struct TransformerOptions {
  RopeStyle rope_style = RopeStyle::kHalves;
  CpuLevel level = CpuLevel::kPortable;
  AttentionArithmetic attention = AttentionArithmetic::kBf16Tiles;
  uint32_t rows_max = 512;  // of one step: decides the scratch memory
};

class Transformer {
 public:
  // REQUIRES: `weights` are those of `config`, the layout of `geometry` is supported (KvLayout),
  // `team` outlives this.
  Transformer(const ModelConfig& config, ModelWeights weights, const BlockGeometry& geometry,
              KvSlots slots, const TransformerOptions& options, WorkerTeam& team);

  // Computes the spans' rows, appending their keys and values. Rows are numbered through the spans
  // in order. REQUIRES: at most rows_max rows; tokens in the vocabulary; tables cover the
  // positions.
  void Run(std::span<const ForwardSpan> spans);

  // The logits of some rows of the last Run. REQUIRES: at most logits_rows_max() rows.
  //   returns (row, vocabulary) float, valid until the next call
  std::span<float> Logits(std::span<const uint32_t> rows);
  uint32_t logits_rows_max() const { return logits_rows_max_; }

  uint32_t rows_max() const { return options_.rows_max; }
  uint64_t weight_bytes() const { return weights_.bytes(); }

 private:
  // What the layers of one class share within a step.
  struct ClassStep {
    std::vector<double> frequencies;
    std::vector<float> angles;  // (row, rotary_dim)
    AttentionShape shape;
  };
  struct LayerPlace {
    size_t class_index = 0;
    KvLayer kv;
  };
  struct SpanRows {  // rows begin to end - 1 of the step
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t first_position = 0;
    std::vector<uint32_t> table;
  };

  void BeginStep(std::span<const ForwardSpan> spans);
  void FinishHeads(uint32_t layer, uint32_t row);
  void AppendRow(uint32_t layer, uint32_t row);
  void Attend(uint32_t layer, const AttentionPlan& plan);
  void ApplyGates(const LayerWeights& weights);
  void AddToStream(const std::vector<float>& post_norm, uint32_t row);
  void NormAndEncode(const std::vector<float>& weight, uint32_t row);
  void ShapeFor(const Linear& linear, uint32_t rows);
  void EncodeRow(const float* x, size_t stride, uint32_t row);
  void Multiply(const Linear& linear, const ActivationRows& x, float* y, size_t y_stride);
  void NormRow(const float* x, const std::vector<float>& weight, float* out) const;
  template <typename Body>
  void ForRows(uint32_t rows, Body body);

  const ModelConfig config_;
  ModelWeights weights_;
  const KvSlots slots_;
  const TransformerOptions options_;
  WorkerTeam& team_;
  const RowKernels& row_kernels_;
  const MatMulKernels& matmul_kernels_;
  const size_t qkv_width_;  // queries, keys and values of a row
  uint32_t logits_rows_max_ = 0;

  std::vector<LayerPlace> places_;   // of each layer
  std::vector<ClassStep> classes_;   // of the geometry
  std::vector<SpanRows> span_rows_;  // of the step
  uint32_t rows_ = 0;

  // (row, ...) of the step
  std::vector<float> stream_;  // width: the residual stream
  std::vector<float> normed_;  // max(width, query_width): before they are encoded for a product
  std::vector<float> qkv_;     // queries, keys, values
  std::vector<float> delta_;   // width: what a layer adds to the stream
  std::vector<float> logits_;
  ActivationRows encoded_;    // inputs of the next product
  ActivationRows gated_;      // inputs of down: made while encoded_ is read
  std::vector<float> gates_;  // (worker, row, gates then ups): of some columns
  std::vector<std::byte> attention_scratch_;
};

}  // namespace cairn
