// One layer's attention over sequences in shuffled, poisoned slots, and a double-precision
// reference of it. For attention_test and the benchmark.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/append_kv.h"
#include "kernels/attention.h"
#include "kernels/kv_layout.h"
#include "kvstore/base/prng.h"

namespace cairn {

struct PagedCase {
  uint32_t query_heads = 9;
  uint32_t kv_heads = 3;
  uint32_t head_dim = 64;
  uint32_t window = 0;
  uint32_t block_tokens = 16;
  KvElement element = KvElement::kBf16;
  float scale = 0;
  uint64_t seed = 1;
};

inline float Normal(Prng& prng) {  // roughly: sum of uniforms
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += prng.Uniform();
  return static_cast<float>(sum);
}

inline float RoundedToBf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  bits = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
  std::memcpy(&x, &bits, 4);
  return x;
}

class PagedAttention {
 public:
  // Sequences with so many tokens each, all of whose keys, values and queries are drawn; their KV
  // is appended in runs of random length. Two layers and two classes, so that offsets are not all
  // zero.
  PagedAttention(const PagedCase& c, std::vector<uint32_t> lengths, CpuLevel append_level)
      : case_(c),
        lengths_(std::move(lengths)),
        layout_(c.element, c.block_tokens, {{1, 1, 16}, {2, c.kv_heads, c.head_dim}}),
        layer_(layout_.Layer(1, 1)),
        append_level_(append_level) {
    Prng prng(c.seed);
    std::vector<uint32_t> slots;
    for (const uint32_t n : lengths_) {
      slots.resize(slots.size() + (n + c.block_tokens - 1) / c.block_tokens + 1);
    }
    std::iota(slots.begin(), slots.end(), 0u);
    for (size_t i = slots.size(); i > 1; --i) std::swap(slots[i - 1], slots[prng.Below(i)]);
    memory_.assign(slots.size() * layout_.block_bytes() + 64, std::byte{0xff});
    const size_t kv_width = size_t{c.kv_heads} * c.head_dim;
    for (const uint32_t n : lengths_) {
      Sequence s;
      s.first_row = static_cast<uint32_t>(query_.size() / (size_t{c.query_heads} * c.head_dim));
      const uint32_t blocks = (n + c.block_tokens - 1) / c.block_tokens;
      s.table.assign(slots.end() - blocks, slots.end());
      slots.resize(slots.size() - blocks);
      for (size_t i = 0; i < n * kv_width; ++i) s.key.push_back(Normal(prng));
      for (size_t i = 0; i < n * kv_width; ++i) s.value.push_back(Normal(prng));
      for (size_t i = 0; i < size_t{n} * c.query_heads * c.head_dim; ++i) {
        query_.push_back(Normal(prng) * 2);
      }
      sequences_.push_back(std::move(s));
    }
    for (const Sequence& s : sequences_) {
      const auto n = static_cast<uint32_t>(s.key.size() / kv_width);
      for (uint32_t at = 0; at < n;) {
        const auto run = static_cast<uint32_t>(std::min<uint64_t>(1 + prng.Below(70), n - at));
        Append(s, s.key.data() + at * kv_width, s.value.data() + at * kv_width, at, run);
        at += run;
      }
    }
  }

  // A token's key and value become NaN.
  void Spoil(size_t sequence, uint32_t token) {
    const std::vector<float> nan(size_t{case_.kv_heads} * case_.head_dim, std::nanf(""));
    Append(sequences_[sequence], nan.data(), nan.data(), token, 1);
  }

  // Rows of a sequence as an item: its position p is row first_row + p of query and out.
  AttentionItem Item(size_t sequence, uint32_t first, uint32_t rows) const {
    return {.first_row = sequences_[sequence].first_row + first,
            .rows = rows,
            .first_position = first,
            .block_table = sequences_[sequence].table.data()};
  }

  AttentionShape shape() const {
    return {.query_heads = case_.query_heads,
            .kv_heads = case_.kv_heads,
            .head_dim = case_.head_dim,
            .scale = case_.scale,
            .window = case_.window};
  }
  size_t width() const { return size_t{case_.query_heads} * case_.head_dim; }
  size_t rows() const { return query_.size() / width(); }
  uint32_t length(size_t sequence) const { return lengths_[sequence]; }
  const KvLayout& layout() const { return layout_; }
  std::byte* slots_begin() {
    const auto at = reinterpret_cast<uintptr_t>(memory_.data());
    return memory_.data() + ((at + 63) / 64 * 64 - at);
  }

  // Runs a plan's tasks in an order drawn from `order` and returns (row, head, dim) of all rows;
  // those not asked for stay 0.
  std::vector<float> Run(const std::vector<AttentionItem>& items, const AttentionKernels& kernels,
                         uint32_t workers, uint64_t order) {
    const AttentionPlan plan(kernels, shape(), items, workers);
    std::vector<float> out(query_.size(), 0.0f);
    std::vector<std::byte> scratch(plan.scratch_bytes() + 64, std::byte{0xff});
    const auto at = reinterpret_cast<uintptr_t>(scratch.data());
    std::byte* aligned = scratch.data() + ((at + 63) / 64 * 64 - at);
    std::vector<size_t> tasks(plan.task_count());
    std::iota(tasks.begin(), tasks.end(), size_t{0});
    Prng prng(order);
    for (size_t i = tasks.size(); i > 1; --i) std::swap(tasks[i - 1], tasks[prng.Below(i)]);
    for (const size_t task : tasks) plan.RunTask(task, Layer(out.data()), aligned);
    return out;
  }

  AttentionLayer Layer(float* out) {
    return {.kv = layer_,
            .slots = slots_begin(),
            .slot_bytes = layout_.block_bytes(),
            .query = query_.data(),
            .query_stride = width(),
            .out = out,
            .out_stride = width()};
  }

  // One row and head in double, from what a KV of this type can hold.
  std::vector<double> Reference(size_t sequence, uint32_t position, uint32_t head) const {
    const Sequence& s = sequences_[sequence];
    const uint32_t dim = case_.head_dim;
    const uint32_t kv_head = head / (case_.query_heads / case_.kv_heads);
    const float* q = query_.data() + (s.first_row + position) * width() + size_t{head} * dim;
    const double scale = case_.scale != 0 ? static_cast<double>(case_.scale) : 1 / std::sqrt(dim);
    const uint32_t first =
        case_.window == 0 || position < case_.window ? 0 : position - case_.window + 1;
    std::vector<double> weights;
    double max = -1e300;
    for (uint32_t j = first; j <= position; ++j) {
      const std::vector<double> k = Kept(s.key, j, kv_head);
      double sum = 0;
      for (uint32_t i = 0; i < dim; ++i) sum += static_cast<double>(q[i]) * k[i];
      weights.push_back(sum * scale);
      max = std::max(max, weights.back());
    }
    double total = 0;
    for (double& w : weights) total += w = std::exp(w - max);
    std::vector<double> out(dim);
    for (uint32_t j = first; j <= position; ++j) {
      const std::vector<double> v = Kept(s.value, j, kv_head);
      for (uint32_t i = 0; i < dim; ++i) out[i] += weights[j - first] / total * v[i];
    }
    return out;
  }

 private:
  struct Sequence {
    uint32_t first_row = 0;
    std::vector<uint32_t> table;
    std::vector<float> key, value;
  };

  void Append(const Sequence& s, const float* key, const float* value, uint32_t at, uint32_t rows) {
    const size_t kv_width = size_t{case_.kv_heads} * case_.head_dim;
    AppendKv({.layer = layer_,
              .slots = slots_begin(),
              .slot_bytes = layout_.block_bytes(),
              .block_table = s.table.data(),
              .key = key,
              .value = value,
              .key_stride = kv_width,
              .value_stride = kv_width,
              .rows = rows,
              .first_position = at,
              .head_begin = 0,
              .head_end = case_.kv_heads},
             append_level_);
  }

  std::vector<double> Kept(const std::vector<float>& x, uint32_t token, uint32_t kv_head) const {
    const uint32_t dim = case_.head_dim;
    const float* from = x.data() + (size_t{token} * case_.kv_heads + kv_head) * dim;
    float max = 0;
    for (uint32_t i = 0; i < dim; ++i) max = std::max(max, std::fabs(from[i]));
    const float scale = max / 127.0f, inverse = 1 / scale;
    std::vector<double> kept(dim);
    for (uint32_t i = 0; i < dim; ++i) {
      kept[i] =
          case_.element == KvElement::kBf16
              ? static_cast<double>(RoundedToBf16(from[i]))
              : static_cast<double>(std::nearbyint(from[i] * inverse)) * static_cast<double>(scale);
    }
    return kept;
  }

  PagedCase case_;
  std::vector<uint32_t> lengths_;
  KvLayout layout_;
  KvLayer layer_;
  CpuLevel append_level_;
  std::vector<std::byte> memory_;
  std::vector<float> query_;  // (row, query_head, dim), sequences one after another
  std::vector<Sequence> sequences_;
};

}  // namespace cairn
