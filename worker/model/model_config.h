// What a model is made of: family, sizes, rotations, windows. Read from a GGUF file's metadata or a
// safetensors folder's config.json, every field checked; nothing later asks the file again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/weight_file.h"

namespace cairn {

enum class ModelFamily : uint8_t { kLlama, kQwen2, kQwen3, kGemma3 };

// Rotary embedding of the layers of one kind.
struct RopeConfig {
  double base = 10000.0;
  double linear = 1.0;         // positions are divided by it
  std::vector<float> factors;  // a divisor for each pair (Llama 3's long context), or empty
};

struct ModelConfig {
  ModelFamily family = ModelFamily::kLlama;
  std::string name;  // as the file calls itself; may be empty
  uint32_t layers = 0;
  uint32_t width = 0;         // of the residual stream
  uint32_t feed_forward = 0;  // of the gated layer
  uint32_t heads = 0;
  uint32_t kv_heads = 0;  // divides heads
  uint32_t head_dim = 0;
  uint32_t rotary_dim = 0;      // leading values of a head that are rotated; even
  uint32_t vocabulary = 0;      // rows of the embedding
  uint32_t context_length = 0;  // positions the model was made for
  float norm_epsilon = 0;
  float attention_scale = 0;  // of the scores
  float embedding_scale = 1;  // Gemma: sqrt(width)
  RopeConfig rope;            // of full layers
  // Layers that see only the last `window` tokens, ascending; empty and 0 if there are none.
  std::vector<uint32_t> local_layers;
  uint32_t window = 0;
  RopeConfig local_rope;

  bool has_query_key_norms() const {
    return family == ModelFamily::kQwen3 || family == ModelFamily::kGemma3;
  }
  bool has_post_norms() const { return family == ModelFamily::kGemma3; }
  bool IsLocal(uint32_t layer) const;
  uint32_t query_width() const { return heads * head_dim; }
  uint32_t kv_width() const { return kv_heads * head_dim; }
};

const char* NameOf(ModelFamily family);

// INVALID_ARGUMENT with the field and the reason: an architecture we do not know (by name), a field
// that is missing, of a wrong type, out of range or contradicts another, or a feature we do not
// compute.
absl::StatusOr<ModelConfig> ReadModelConfig(const WeightFile& file);

}  // namespace cairn
