#include "kvstore/block/model_identity.h"

#include "kvstore/block/digest.h"

namespace cairn {

ModelIdentity MakeModelIdentity(const ModelTraits& traits) {
  DigestMessage message("cairn model identity 1");
  message.Text(traits.weights_digest).Text(traits.weight_format).Text(traits.rope);
  message.Number(traits.layout_version);
  message.Number(traits.geometry.block_tokens).Number(static_cast<uint8_t>(traits.geometry.type));
  message.Number(static_cast<uint64_t>(traits.geometry.classes.size()));
  for (const LayerClass& layers : traits.geometry.classes) {
    message.Number(static_cast<uint8_t>(layers.kind));
    message.Number(static_cast<uint64_t>(layers.layers.size()));
    for (uint32_t layer : layers.layers) message.Number(layer);
    message.Number(layers.kv_heads).Number(layers.head_dim).Number(layers.window);
  }
  return {.digest = message.Sha256()};
}

}  // namespace cairn
