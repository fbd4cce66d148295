// What files call a model's tensors: GGUF's names and Hugging Face's.
#pragma once

#include <cstdint>
#include <string>

#include "worker/model/weight_file.h"

namespace cairn {

enum class ModelTensor : uint8_t { kEmbedding, kFinalNorm, kHead };

enum class LayerTensor : uint8_t {
  kAttentionNorm,
  kQuery,
  kKey,
  kValue,
  kQueryBias,
  kKeyBias,
  kValueBias,
  kQueryNorm,
  kKeyNorm,
  kAttentionOutput,
  kPostAttentionNorm,  // Gemma's; not what Hugging Face calls so elsewhere
  kFeedForwardNorm,
  kGate,
  kUp,
  kDown,
  kPostFeedForwardNorm,
};

class TensorNames {
 public:
  // `has_post_norms`: of the family; Hugging Face's name of the feed-forward norm depends on it.
  TensorNames(const WeightFile& file, bool has_post_norms);

  std::string Of(ModelTensor tensor) const;
  std::string Of(LayerTensor tensor, uint32_t layer) const;

 private:
  bool gguf_;
  bool has_post_norms_;
  std::string prefix_;  // Hugging Face: "model." or what a model that also sees puts before it
};

}  // namespace cairn
