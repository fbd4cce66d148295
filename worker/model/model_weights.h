// A model's weights, checked against its description and packed for the kernels.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/embedding_table.h"
#include "worker/model/linear.h"
#include "worker/model/model_config.h"
#include "worker/model/weight_file.h"

namespace cairn {

// Vectors that a family does not have are empty.
struct LayerWeights {
  std::vector<float> attention_norm;       // (width)
  std::vector<float> query_norm;           // (head_dim)
  std::vector<float> key_norm;             // (head_dim)
  std::vector<float> post_attention_norm;  // (width)
  std::vector<float> feed_forward_norm;    // (width)
  std::vector<float> post_feed_forward_norm;
  std::vector<float> query_key_value_bias;  // (query_width + 2 kv_width)
  Linear query_key_value;                   // width -> queries, then keys, then values
  Linear attention_output;
  Linear gate;  // width -> feed_forward, as is up
  Linear up;
  Linear down;
};

struct ModelWeights {
  EmbeddingTable embedding;
  std::vector<LayerWeights> layers;
  std::vector<float> final_norm;
  Linear head;  // width -> vocabulary; packed from the embedding where both are one

  uint64_t bytes() const;  // of the packed matrices
};

// Called with bytes packed so far and in all, from the loading thread.
using LoadProgress = std::function<void(uint64_t done, uint64_t total)>;

// What "auto" means for a file: q4 where it has 4-bit codes, int8 otherwise.
WeightFormat DefaultFormatOf(const WeightFile& file);

// Packs with all of the team and drops the file's pages behind it; only the embedding is read
// later, row by row. INVALID_ARGUMENT names a tensor that is missing or of a wrong shape; nothing
// is packed then.
absl::StatusOr<ModelWeights> LoadModelWeights(std::shared_ptr<const WeightFile> file,
                                              const ModelConfig& config, WeightFormat format,
                                              WorkerTeam& team, const LoadProgress& progress);

}  // namespace cairn
