#include "kernels/kv_layout.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace cairn {
namespace {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "kernels/kv_layout: %s\n", what);
  std::abort();
}

}  // namespace

const char* KvLayout::WhyUnsupported(uint32_t block_tokens,
                                     const std::vector<KvClassShape>& classes) {
  if (block_tokens == 0 || block_tokens % kKvGroupTokens != 0) {
    return "the tokens of a block are not a multiple of 16";
  }
  if (block_tokens > 4096) return "a block has more than 4096 tokens";
  if (classes.empty()) return "there are no layers";
  for (const KvClassShape& c : classes) {
    if (c.layers == 0 || c.layers > 65536) return "a layer class has no layers, or over 65536";
    if (c.kv_heads == 0 || c.kv_heads > 65536) return "a layer has no KV heads, or over 65536";
    if (c.head_dim == 0 || c.head_dim % 16 != 0) return "the head size is not a multiple of 16";
    if (c.head_dim > 1024) return "the head size is over 1024";
  }
  return nullptr;
}

KvLayout::KvLayout(KvElement element, uint32_t block_tokens, std::vector<KvClassShape> classes)
    : element_(element), block_tokens_(block_tokens), classes_(std::move(classes)) {
  const char* refusal = WhyUnsupported(block_tokens_, classes_);
  Require(refusal == nullptr, refusal);
  for (size_t i = 0; i < classes_.size(); ++i) {
    class_offsets_.push_back(block_bytes_);
    block_bytes_ += Layer(i, 0).LayerBytes() * classes_[i].layers;
  }
  block_bytes_ = (block_bytes_ + 63) / 64 * 64;
}

KvLayer KvLayout::Layer(size_t class_index, size_t layer_in_class) const {
  Require(class_index < class_offsets_.size(), "no such layer class");
  const KvClassShape& shape = classes_[class_index];
  Require(layer_in_class < shape.layers, "no such layer in its class");
  KvLayer layer{.element = element_,
                .block_tokens = block_tokens_,
                .kv_heads = shape.kv_heads,
                .head_dim = shape.head_dim,
                .offset = class_offsets_[class_index]};
  layer.offset += layer.LayerBytes() * layer_in_class;
  return layer;
}

}  // namespace cairn
