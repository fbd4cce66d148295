// What a model's KV looks like to the store: its layers in classes of one shape.
#pragma once

#include <functional>
#include <utility>

#include "kvstore/block/block_geometry.h"
#include "worker/model/model_config.h"

namespace cairn {

// Full layers first, then those with a sliding window; a class without layers is left out.
inline BlockGeometry KvGeometryOf(const ModelConfig& config, uint32_t block_tokens, KvType type) {
  LayerClass full{.kind = LayerKind::kFull,
                  .layers = {},
                  .kv_heads = config.kv_heads,
                  .head_dim = config.head_dim,
                  .window = 0};
  LayerClass local = full;
  local.kind = LayerKind::kSlidingWindow;
  local.window = config.window;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    (config.IsLocal(layer) ? local : full).layers.push_back(layer);
  }
  BlockGeometry geometry{.block_tokens = block_tokens, .type = type, .classes = {}};
  for (LayerClass& c : {std::ref(full), std::ref(local)}) {
    if (!c.layers.empty()) geometry.classes.push_back(std::move(c));
  }
  return geometry;
}

}  // namespace cairn
