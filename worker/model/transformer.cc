#include "worker/model/transformer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/append_kv.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr uint64_t kLogitBytesMax = 32
                                    << 20;  // logits held at a time; more rows go in several passes
constexpr uint32_t kRowsATask = 8;
constexpr uint32_t kInlineRows = 2;  // cheaper than waking anybody

// Of a worker, for gates and ups on their way to down: 64 columns of all rows, or more, within the
// second-level cache. (All columns of 512 rows, 6 MB in SmolLM2, went to memory and back.)
constexpr size_t kGateFloatsMin = 64 << 10;
size_t GateFloats(size_t rows) { return std::max(kGateFloatsMin, rows * 2 * kKBlock); }

KvLayout LayoutOf(const BlockGeometry& geometry) {
  std::vector<KvClassShape> shapes;
  for (const LayerClass& c : geometry.classes) {
    shapes.push_back({static_cast<uint32_t>(c.layers.size()), c.kv_heads, c.head_dim});
  }
  const KvElement element = geometry.type == KvType::kBf16 ? KvElement::kBf16 : KvElement::kInt8;
  return KvLayout(element, geometry.block_tokens, std::move(shapes));
}

}  // namespace

template <typename Body>
void Transformer::ForRows(uint32_t rows, Body body) {
  if (rows <= kInlineRows) {
    for (uint32_t row = 0; row < rows; ++row) body(row);
    return;
  }
  team_.Run((rows + kRowsATask - 1) / kRowsATask, [&](size_t task, int) {
    const auto begin = static_cast<uint32_t>(task) * kRowsATask;
    for (uint32_t row = begin; row < std::min(rows, begin + kRowsATask); ++row) body(row);
  });
}

// ------------------------------------------------------------------------------- the forward pass

void Transformer::Run(std::span<const ForwardSpan> spans) {
  BeginStep(spans);
  std::vector<AttentionItem> items;
  for (const SpanRows& span : span_rows_) {
    items.push_back({span.begin, span.end - span.begin, span.first_position, span.table.data()});
  }
  std::vector<std::unique_ptr<const AttentionPlan>> plans;
  size_t scratch = 0;
  for (const ClassStep& c : classes_) {
    plans.push_back(std::make_unique<const AttentionPlan>(
        AttentionKernelsFor(options_.level, options_.attention), c.shape, items,
        static_cast<size_t>(team_.threads())));
    scratch = std::max(scratch, plans.back()->scratch_bytes());
  }
  attention_scratch_.resize(
      std::max(attention_scratch_.size(), (scratch + 64) * static_cast<size_t>(team_.threads())));

  ShapeFor(weights_.layers.front().query_key_value, rows_);
  ForRows(rows_, [&](uint32_t row) { NormAndEncode(weights_.layers.front().attention_norm, row); });
  for (uint32_t layer = 0; layer < config_.layers; ++layer) {
    const LayerWeights& weights = weights_.layers[layer];

    // stream += output(attention(heads(query_key_value(norm(stream)))))
    Multiply(weights.query_key_value, encoded_, qkv_.data(), qkv_width_);
    ForRows(rows_, [&](uint32_t row) {
      FinishHeads(layer, row);
      AppendRow(layer, row);
    });
    Attend(layer, *plans[places_[layer].class_index]);
    ShapeFor(weights.attention_output, rows_);
    ForRows(rows_, [&](uint32_t row) { EncodeRow(normed_.data(), config_.query_width(), row); });
    Multiply(weights.attention_output, encoded_, delta_.data(), config_.width);

    // stream += down(act(gate(norm(stream))) * up(norm(stream)))
    ShapeFor(weights.gate, rows_);
    ForRows(rows_, [&](uint32_t row) {
      AddToStream(weights.post_attention_norm, row);
      NormAndEncode(weights.feed_forward_norm, row);
    });
    ApplyGates(weights);
    Multiply(weights.down, gated_, delta_.data(), config_.width);

    const bool last = layer + 1 == config_.layers;
    if (!last) ShapeFor(weights_.layers[layer + 1].query_key_value, rows_);
    ForRows(rows_, [&](uint32_t row) {
      AddToStream(weights.post_feed_forward_norm, row);
      if (!last) NormAndEncode(weights_.layers[layer + 1].attention_norm, row);
    });
  }
}

std::span<float> Transformer::Logits(std::span<const uint32_t> rows) {
  CAIRN_CHECK_LE(rows.size(), size_t{logits_rows_max_});
  const size_t width = config_.width, vocabulary = config_.vocabulary;
  const auto count = static_cast<uint32_t>(rows.size());
  logits_.resize(std::max(logits_.size(), count * vocabulary));
  ShapeFor(weights_.head, count);
  ForRows(count, [&](uint32_t i) {
    CAIRN_CHECK_LT(rows[i], rows_);
    NormRow(&stream_[rows[i] * width], weights_.final_norm, &normed_[i * width]);
    EncodeRow(normed_.data(), width, i);
  });
  Multiply(weights_.head, encoded_, logits_.data(), vocabulary);
  return std::span(logits_).first(count * vocabulary);
}

// ------------------------------------------------------------------------------------ its phases

// Biases, norms and rotations of a row's queries and keys, in place.
void Transformer::FinishHeads(uint32_t layer, uint32_t row) {
  const LayerWeights& weights = weights_.layers[layer];
  const ClassStep& step = classes_[places_[layer].class_index];
  const uint32_t dim = config_.head_dim;
  float* const query = &qkv_[row * qkv_width_];
  float* const key = query + config_.query_width();
  const auto norm_heads = [&](float* heads, uint32_t count, const std::vector<float>& weight) {
    if (weight.empty()) return;
    row_kernels_.rms_norm(
        {heads, dim, weight.data(), config_.norm_epsilon, count, dim, heads, dim});
  };
  if (!weights.query_key_value_bias.empty()) {
    row_kernels_.add(query, weights.query_key_value_bias.data(), qkv_width_);
  }
  norm_heads(query, config_.heads, weights.query_norm);
  norm_heads(key, config_.kv_heads, weights.key_norm);
  const RopeArgs rope{.x = query,
                      .x_stride = qkv_width_,
                      .rows = 1,
                      .heads = config_.heads + config_.kv_heads,  // keys follow queries
                      .head_dim = dim,
                      .rotary_dim = config_.rotary_dim,
                      .style = options_.rope_style,
                      .angles = &step.angles[size_t{row} * config_.rotary_dim]};
  row_kernels_.rope(rope);
}

void Transformer::AppendRow(uint32_t layer, uint32_t row) {
  const SpanRows& span = *std::ranges::upper_bound(span_rows_, row, {}, &SpanRows::end);
  const float* const key = &qkv_[row * qkv_width_ + config_.query_width()];
  AppendKv({.layer = places_[layer].kv,
            .slots = slots_.base,
            .slot_bytes = slots_.slot_bytes,
            .block_table = span.table.data(),
            .key = key,
            .value = key + config_.kv_width(),
            .key_stride = qkv_width_,
            .value_stride = qkv_width_,
            .rows = 1,
            .first_position = span.first_position + (row - span.begin),
            .head_begin = 0,
            .head_end = config_.kv_heads},
           options_.level);
}

// Queries (qkv_) against the KV of their sequences, to normed_.
void Transformer::Attend(uint32_t layer, const AttentionPlan& plan) {
  const AttentionLayer attention{.kv = places_[layer].kv,
                                 .slots = slots_.base,
                                 .slot_bytes = slots_.slot_bytes,
                                 .query = qkv_.data(),
                                 .query_stride = qkv_width_,
                                 .out = normed_.data(),
                                 .out_stride = config_.query_width()};
  const size_t scratch_bytes = plan.scratch_bytes();
  void* scratch = attention_scratch_.data();
  size_t space = attention_scratch_.size();
  CAIRN_CHECK(std::align(64, scratch_bytes, scratch, space) != nullptr);
  team_.Run(plan.task_count(), [&](size_t task, int worker) {
    plan.RunTask(task, attention,
                 static_cast<std::byte*>(scratch) + static_cast<size_t>(worker) * scratch_bytes);
  });
}

// gated_ = act(gate(encoded_)) * up(encoded_), from product to encoding a few columns at a time.
void Transformer::ApplyGates(const LayerWeights& weights) {
  const uint32_t inner = config_.feed_forward;
  gated_.Shape(weights.down.activation_kind(matmul_kernels_), rows_, inner);
  const auto act =
      config_.family == ModelFamily::kGemma3 ? row_kernels_.gelu_mul : row_kernels_.silu_mul;
  if (rows_ == 0) return;
  const auto threads = static_cast<size_t>(team_.threads());
  const size_t floats = gates_.size() / threads;
  const RowParts parts(encoded_, threads);
  const size_t blocks = (inner + kKBlock - 1) / kKBlock;
  const size_t rows = parts.rows_of_each();
  const size_t tasks =
      std::min(blocks, weights.gate.Tasks(rows, threads) + weights.up.Tasks(rows, threads));
  team_.Run(parts.count() * tasks, [&](size_t part_task, int worker) {
    const RowPart part = parts.Of(part_task / tasks);
    const size_t task = part_task % tasks;
    const auto at_once = static_cast<uint32_t>(floats / (2 * part.rows) / kKBlock * kKBlock);
    const auto task_end = static_cast<uint32_t>(blocks * (task + 1) / tasks * kKBlock);
    const uint32_t last = std::min(inner, task_end);
    for (auto begin = static_cast<uint32_t>(blocks * task / tasks * kKBlock); begin < last;) {
      const uint32_t end = std::min(last, begin + at_once);
      const size_t count = end - begin, stride = 2 * count;
      float* const gates = &gates_[static_cast<size_t>(worker) * floats];
      weights.gate.ApplyColumns(matmul_kernels_, encoded_, part.tiles, begin, end, gates, stride);
      weights.up.ApplyColumns(matmul_kernels_, encoded_, part.tiles, begin, end, gates + count,
                              stride);
      for (size_t row = 0; row < part.rows; ++row) {
        float* const gate = gates + row * stride;
        act(gate, gate + count, gate, count);
        gated_.EncodeColumns(matmul_kernels_, gate, part.first_row + row, begin, count);
      }
      begin = end;
    }
  });
}

// Adds a row of delta_, normed first where the family does so.
void Transformer::AddToStream(const std::vector<float>& post_norm, uint32_t row) {
  const size_t width = config_.width;
  float* const delta = &delta_[row * width];
  if (!post_norm.empty()) NormRow(delta, post_norm, delta);
  row_kernels_.add(&stream_[row * width], delta, width);
}

void Transformer::NormAndEncode(const std::vector<float>& weight, uint32_t row) {
  const size_t width = config_.width;
  NormRow(&stream_[row * width], weight, &normed_[row * width]);
  EncodeRow(normed_.data(), width, row);
}

void Transformer::NormRow(const float* x, const std::vector<float>& weight, float* out) const {
  row_kernels_.rms_norm(
      {x, 0, weight.data(), config_.norm_epsilon, 1, static_cast<uint32_t>(weight.size()), out, 0});
}

void Transformer::ShapeFor(const Linear& linear, uint32_t rows) {
  encoded_.Shape(linear.activation_kind(matmul_kernels_), rows, linear.columns());
}

void Transformer::EncodeRow(const float* x, size_t stride, uint32_t row) {
  encoded_.Encode(matmul_kernels_, x, stride, row, row + 1);
}

void Transformer::Multiply(const Linear& linear, const ActivationRows& x, float* y,
                           size_t y_stride) {
  linear.Apply(matmul_kernels_, x, y, y_stride, team_);
}

// ------------------------------------------------------------------------------------- its parts

Transformer::Transformer(const ModelConfig& config, ModelWeights weights,
                         const BlockGeometry& geometry, KvSlots slots,
                         const TransformerOptions& options, WorkerTeam& team)
    : config_(config),
      weights_(std::move(weights)),
      slots_(slots),
      options_(options),
      team_(team),
      row_kernels_(RowKernelsFor(options.level)),
      matmul_kernels_(MatMulKernelsFor(options.level)),
      qkv_width_(config.query_width() + size_t{2} * config.kv_width()),
      places_(config.layers) {
  const KvLayout layout = LayoutOf(geometry);
  // The store knows sizes, the kernels know addresses; here is where both are known.
  CAIRN_CHECK_EQ(layout.block_bytes(), geometry.BlockBytes());
  CAIRN_CHECK_EQ(layout.block_bytes(), slots.slot_bytes);
  for (size_t c = 0; c < geometry.classes.size(); ++c) {
    const LayerClass& layer_class = geometry.classes[c];
    for (size_t i = 0; i < layer_class.layers.size(); ++i) {
      places_[layer_class.layers[i]] = {c, layout.Layer(c, i)};
    }
    const bool local = layer_class.kind == LayerKind::kSlidingWindow;
    const RopeConfig& rope = local ? config.local_rope : config.rope;
    ClassStep step;
    step.frequencies = RopeFrequencies(config.rotary_dim, rope.base,
                                       {.linear = rope.linear, .factors = rope.factors});
    step.shape = {.query_heads = config.heads,
                  .kv_heads = config.kv_heads,
                  .head_dim = config.head_dim,
                  .scale = config.attention_scale,
                  .window = layer_class.window};
    classes_.push_back(std::move(step));
  }
  const uint64_t logit_row_bytes = uint64_t{config.vocabulary} * sizeof(float);
  logits_rows_max_ = static_cast<uint32_t>(
      std::clamp<uint64_t>(kLogitBytesMax / logit_row_bytes, 1, options.rows_max));
  const size_t rows = options.rows_max;
  stream_.resize(rows * config.width);
  normed_.resize(rows * std::max(config.width, config.query_width()));
  qkv_.resize(rows * qkv_width_);
  gates_.resize(static_cast<size_t>(team.threads()) * GateFloats(rows));
  delta_.resize(rows * config.width);
}

void Transformer::BeginStep(std::span<const ForwardSpan> spans) {
  span_rows_.clear();
  rows_ = 0;
  std::vector<uint32_t> positions;
  for (const ForwardSpan& span : spans) {
    const auto count = static_cast<uint32_t>(span.tokens.size());
    CAIRN_CHECK_LE(rows_ + count, options_.rows_max);
    weights_.embedding.LookUp(span.tokens, &stream_[size_t{rows_} * config_.width]);
    SpanRows rows{rows_, rows_ + count, span.first_position, {}};
    for (const SlotIndex slot : span.table) rows.table.push_back(slot.value());
    span_rows_.push_back(std::move(rows));
    for (uint32_t i = 0; i < count; ++i) positions.push_back(span.first_position + i);
    rows_ += count;
  }
  for (ClassStep& c : classes_) {
    c.angles.resize(std::max(c.angles.size(), size_t{rows_} * config_.rotary_dim));
    FillRopeAngles(c.frequencies, positions, c.angles.data());
  }
}

}  // namespace cairn
