// Where a key or a value lies inside a block: (class, layer, head, token) -> offset in the slot.
// The only place that knows; kvstore/block/block_geometry.h knows how many bytes that makes, and
// the engine checks at start that both agree.
//
// A slot holds classes in order, in a class its layers, in a layer its KV heads, of a head all keys
// and then all values. Keys and values are kept in groups of 16 tokens, 16 because that is one
// 512-bit vector of scores, so that no kernel ever sums across a vector:
//
//   kBf16   keys   [head_dim/2][16 tokens][2]   one vector = two dims of 16 tokens
//           values [8 token pairs][head_dim][2] one vector = two tokens of 16 dims
//   kInt8   keys   [head_dim/4][16 tokens][4], then 16 float scales, one a token
//           values [4 token quads][head_dim][4], then 16 float scales, one a token
//
// The innermost 2 (or 4) are what vdpbf16ps and an AMX B tile (or vpdpbusd) want side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cairn {

inline constexpr uint32_t kKvGroupTokens = 16;

enum class KvElement : uint8_t { kBf16, kInt8 };

// The layers of a model that share one shape of KV, as in BlockGeometry.
struct KvClassShape {
  uint32_t layers = 0;
  uint32_t kv_heads = 0;
  uint32_t head_dim = 0;
};

// One layer's place in every slot: plain, to be handed to kernels.
struct KvLayer {
  KvElement element = KvElement::kBf16;
  uint32_t block_tokens = kKvGroupTokens;
  uint32_t kv_heads = 0;
  uint32_t head_dim = 0;
  uint64_t offset = 0;  // bytes from the start of the slot

  // Bytes of the keys, or the values, of one group of one head; a multiple of 64.
  uint64_t GroupBytes() const {
    const uint64_t elements = uint64_t{kKvGroupTokens} * head_dim;
    return element == KvElement::kBf16 ? elements * 2 : elements + kKvGroupTokens * sizeof(float);
  }
  uint32_t GroupsPerBlock() const { return block_tokens / kKvGroupTokens; }
  // Bytes from the start of the slot. REQUIRES: head < kv_heads, group < GroupsPerBlock().
  uint64_t KeyOffset(uint32_t head, uint32_t group) const {
    return offset + (uint64_t{2} * head * GroupsPerBlock() + group) * GroupBytes();
  }
  uint64_t ValueOffset(uint32_t head, uint32_t group) const {
    return offset + ((uint64_t{2} * head + 1) * GroupsPerBlock() + group) * GroupBytes();
  }
  uint64_t LayerBytes() const { return uint64_t{2} * kv_heads * GroupsPerBlock() * GroupBytes(); }
};

class KvLayout {
 public:
  // Null when a layout can be made of these; else why not, for the message that refuses the model.
  static const char* WhyUnsupported(uint32_t block_tokens,
                                    const std::vector<KvClassShape>& classes);

  // REQUIRES: WhyUnsupported(...) is null; aborts otherwise.
  KvLayout(KvElement element, uint32_t block_tokens, std::vector<KvClassShape> classes);

  KvElement element() const { return element_; }
  uint32_t block_tokens() const { return block_tokens_; }
  // Bytes of one block, a multiple of 64. Equals BlockGeometry::BlockBytes() of the same model.
  uint64_t block_bytes() const { return block_bytes_; }
  // REQUIRES: both indices exist; aborts otherwise.
  KvLayer Layer(size_t class_index, size_t layer_in_class) const;

 private:
  KvElement element_;
  uint32_t block_tokens_;
  std::vector<KvClassShape> classes_;
  std::vector<uint64_t> class_offsets_;
  uint64_t block_bytes_ = 0;
};

}  // namespace cairn
