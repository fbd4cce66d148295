// What one block of KV holds, in bytes: sizes only. Addresses inside a block are the kernels'
// matter (kernels/kv_layout.h); the engine checks at start that both agree.
#pragma once

#include <cstdint>
#include <vector>

namespace cairn {

// How the layers of a class attend. A block has room for all of its model's layers, class by class,
// so that one key names one piece of memory (docs/decisions/0003).
enum class LayerKind : uint8_t { kFull, kSlidingWindow };

enum class KvType : uint8_t { kBf16, kInt8 };

// Layers that share one shape of KV.
struct LayerClass {
  LayerKind kind = LayerKind::kFull;
  std::vector<uint32_t> layers;  // model layer numbers, ascending
  uint32_t kv_heads = 0;
  uint32_t head_dim = 0;
  uint32_t window = 0;  // tokens a query sees, itself included; 0 for kFull
  friend bool operator==(const LayerClass&, const LayerClass&) = default;
};

struct BlockGeometry {
  uint32_t block_tokens = 16;
  KvType type = KvType::kBf16;
  std::vector<LayerClass> classes;
  friend bool operator==(const BlockGeometry&, const BlockGeometry&) = default;

  // Bytes of keys and values of one layer of a class, for one block. kInt8 has one float scale for
  // each token, head and side (key, value).
  uint64_t LayerBytes(const LayerClass& layer_class) const {
    const uint64_t vectors = uint64_t{2} * block_tokens * layer_class.kv_heads;
    return type == KvType::kBf16 ? vectors * layer_class.head_dim * 2
                                 : vectors * (layer_class.head_dim + 4);
  }
  // Bytes of one block, a multiple of 64.
  uint64_t BlockBytes() const {
    uint64_t bytes = 0;
    for (const LayerClass& c : classes) bytes += LayerBytes(c) * c.layers.size();
    return (bytes + 63) / 64 * 64;
  }
};

}  // namespace cairn
