#include "worker/model/model_weights.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "worker/model/dequantize.h"
#include "worker/model/tensor_names.h"

namespace cairn {
namespace {

// Finds tensors and checks their shapes; keeps the first thing that is wrong.
class TensorFinder {
 public:
  explicit TensorFinder(const WeightFile& file) : file_(file) {}
  const absl::Status& status() const { return status_; }

  // Null if absent, or if something is wrong.
  const Tensor* Optional(const std::string& name, const std::vector<uint64_t>& shape) {
    const Tensor* tensor = file_.Find(name);
    if (tensor == nullptr) return nullptr;
    if (tensor->shape != shape) {
      Refuse(absl::StrCat("tensor '", name, "' has shape ", absl::StrJoin(tensor->shape, " x "),
                          ", expected ", absl::StrJoin(shape, " x ")));
      return nullptr;
    }
    return tensor;
  }
  const Tensor* Required(const std::string& name, const std::vector<uint64_t>& shape) {
    const Tensor* tensor = Optional(name, shape);
    if (tensor == nullptr) Refuse(absl::StrCat("tensor '", name, "' is missing"));
    return tensor;
  }
  void Refuse(const std::string& why) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrCat(file_.path().string(), ": ", why));
    }
  }

 private:
  const WeightFile& file_;
  absl::Status status_;
};

// The tensors of one layer; null where a family has none.
struct LayerTensors {
  const Tensor *attention_norm, *query, *key, *value, *query_bias, *key_bias, *value_bias;
  const Tensor *query_norm, *key_norm, *output, *post_attention_norm;
  const Tensor *feed_forward_norm, *gate, *up, *down, *post_feed_forward_norm;
};

LayerTensors FindLayer(TensorFinder& finder, const TensorNames& names, const ModelConfig& config,
                       uint32_t layer) {
  const auto required = [&](LayerTensor tensor, const std::vector<uint64_t>& shape) {
    return finder.Required(names.Of(tensor, layer), shape);
  };
  const auto optional = [&](LayerTensor tensor, const std::vector<uint64_t>& shape) {
    return finder.Optional(names.Of(tensor, layer), shape);
  };
  const uint64_t width = config.width, query = config.query_width(), kv = config.kv_width();
  LayerTensors found{};
  found.attention_norm = required(LayerTensor::kAttentionNorm, {width});
  found.query = required(LayerTensor::kQuery, {query, width});
  found.key = required(LayerTensor::kKey, {kv, width});
  found.value = required(LayerTensor::kValue, {kv, width});
  found.query_bias = optional(LayerTensor::kQueryBias, {query});
  found.key_bias = optional(LayerTensor::kKeyBias, {kv});
  found.value_bias = optional(LayerTensor::kValueBias, {kv});
  const int biases =
      (found.query_bias != nullptr) + (found.key_bias != nullptr) + (found.value_bias != nullptr);
  if (biases != 3 && (biases != 0 || config.family == ModelFamily::kQwen2)) {
    finder.Refuse(absl::StrCat("layer ", layer, " has ", biases, " of its three biases"));
  }
  if (config.has_query_key_norms()) {
    found.query_norm = required(LayerTensor::kQueryNorm, {config.head_dim});
    found.key_norm = required(LayerTensor::kKeyNorm, {config.head_dim});
  }
  found.output = required(LayerTensor::kAttentionOutput, {width, query});
  found.feed_forward_norm = required(LayerTensor::kFeedForwardNorm, {width});
  found.gate = required(LayerTensor::kGate, {config.feed_forward, width});
  found.up = required(LayerTensor::kUp, {config.feed_forward, width});
  found.down = required(LayerTensor::kDown, {width, config.feed_forward});
  if (config.has_post_norms()) {
    found.post_attention_norm = required(LayerTensor::kPostAttentionNorm, {width});
    found.post_feed_forward_norm = required(LayerTensor::kPostFeedForwardNorm, {width});
  }
  return found;
}

// Packs tensors and gives the file's pages back.
class Packer {
 public:
  Packer(WeightFormat format, WorkerTeam& team, uint64_t total, const LoadProgress& progress)
      : format_(format), team_(team), total_(total), progress_(progress) {}

  Linear Matrix(std::initializer_list<const Tensor*> tensors,
                InputRounding rounding = InputRounding::kCoarse) {
    const std::vector<const Tensor*> list(tensors);
    Linear linear = Linear::Pack(list, format_, memory_, team_, rounding);
    for (const Tensor* tensor : list) Done(*tensor);
    return linear;
  }
  // `added`: what Hugging Face's Gemma leaves out of its norms.
  std::vector<float> Vector(const Tensor* tensor, float added = 0) {
    if (tensor == nullptr) return {};
    std::vector<float> values(tensor->columns());
    DequantizeRow(tensor->type, tensor->bytes, values);
    for (float& x : values) x += added;
    Done(*tensor);
    return values;
  }

 private:
  void Done(const Tensor& tensor) {
    DropPages(tensor.bytes);
    done_ += tensor.bytes.size();
    if (progress_) progress_(done_, total_);
  }

  const WeightFormat format_;
  WorkerTeam& team_;
  WeightMemory memory_;  // its chunks live on with the matrices
  const uint64_t total_;
  const LoadProgress& progress_;
  uint64_t done_ = 0;
};

LayerWeights PackLayer(Packer& packer, const LayerTensors& from, float norm_added) {
  LayerWeights layer;
  layer.attention_norm = packer.Vector(from.attention_norm, norm_added);
  layer.query_norm = packer.Vector(from.query_norm, norm_added);
  layer.key_norm = packer.Vector(from.key_norm, norm_added);
  layer.post_attention_norm = packer.Vector(from.post_attention_norm, norm_added);
  layer.feed_forward_norm = packer.Vector(from.feed_forward_norm, norm_added);
  layer.post_feed_forward_norm = packer.Vector(from.post_feed_forward_norm, norm_added);
  for (const Tensor* bias : {from.query_bias, from.key_bias, from.value_bias}) {
    const std::vector<float> values = packer.Vector(bias);
    layer.query_key_value_bias.insert(layer.query_key_value_bias.end(), values.begin(),
                                      values.end());
  }
  layer.query_key_value = packer.Matrix({from.query, from.key, from.value});
  layer.attention_output = packer.Matrix({from.output});
  layer.gate = packer.Matrix({from.gate});
  layer.up = packer.Matrix({from.up});
  layer.down = packer.Matrix({from.down});
  return layer;
}

}  // namespace

uint64_t ModelWeights::bytes() const {
  uint64_t bytes = head.bytes();
  for (const LayerWeights& layer : layers) {
    bytes += layer.query_key_value.bytes() + layer.attention_output.bytes() + layer.gate.bytes() +
             layer.up.bytes() + layer.down.bytes();
  }
  return bytes;
}

WeightFormat DefaultFormatOf(const WeightFile& file) {
  const bool four_bit = std::ranges::any_of(file.tensors(), [](const Tensor& tensor) {
    return GroupedCodesOf(tensor.type) == GroupedCodes::kFourBit;
  });
  return four_bit ? WeightFormat::kQ4 : WeightFormat::kInt8;
}

absl::StatusOr<ModelWeights> LoadModelWeights(std::shared_ptr<const WeightFile> file,
                                              const ModelConfig& config, WeightFormat format,
                                              WorkerTeam& team, const LoadProgress& progress) {
  const TensorNames names(*file, config.has_post_norms());
  TensorFinder finder(*file);
  const std::vector<uint64_t> table = {config.vocabulary, config.width};
  const Tensor* embedding = finder.Required(names.Of(ModelTensor::kEmbedding), table);
  const Tensor* final_norm = finder.Required(names.Of(ModelTensor::kFinalNorm), {config.width});
  const Tensor* head = finder.Optional(names.Of(ModelTensor::kHead), table);
  if (head == nullptr) head = embedding;
  std::vector<LayerTensors> layers;
  for (uint32_t i = 0; i < config.layers && finder.status().ok(); ++i) {
    layers.push_back(FindLayer(finder, names, config, i));
  }
  if (!finder.status().ok()) return finder.status();

  Packer packer(format, team, file->tensor_bytes(), progress);
  // GGUF files of Gemma have the 1 in their norms already.
  const bool adds_one =
      config.family == ModelFamily::kGemma3 && file->kind() == WeightFileKind::kSafetensors;
  const float norm_added = adds_one ? 1.0f : 0.0f;
  ModelWeights weights;
  for (const LayerTensors& layer : layers) {
    weights.layers.push_back(PackLayer(packer, layer, norm_added));
  }
  weights.final_norm = packer.Vector(final_norm, norm_added);
  // Nearly free here: a prompt asks for one row of logits, and a decode step of few rows waits for
  // the weights.
  weights.head = packer.Matrix({head}, InputRounding::kFine);
  weights.embedding = EmbeddingTable(std::move(file), embedding, config.embedding_scale);
  return weights;
}

}  // namespace cairn
