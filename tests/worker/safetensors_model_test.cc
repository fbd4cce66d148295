// The same weights as a GGUF file and as a safetensors folder are the same model: names,
// config.json, Llama's two orders of rotated pairs and Gemma's norms included.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/support/engine_rig.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tiny_model.h"
#include "worker/model/tensor_names.h"

namespace cairn {
namespace {

using Json = nlohmann::json;

// Tensors of a safetensors file in the making.
struct Folder {
  Json head = Json::object();
  std::string data;

  void Add(const std::string& name, const std::vector<uint64_t>& shape,
           const std::vector<float>& values) {
    const size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    head[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
  }
  std::string Bytes() const {
    const std::string text = head.dump();
    const uint64_t size = text.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text + data;
  }
};

std::vector<float> ValuesOf(const Tensor& tensor) {
  REQUIRE(tensor.type == TensorType::kF32);
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

// GGUF keeps Llama's pairs side by side, Hugging Face half a head apart.
std::vector<float> HalvesApart(const std::vector<float>& rows, uint32_t head_dim, size_t columns) {
  std::vector<float> out(rows.size());
  const size_t count = rows.size() / columns;
  for (size_t row = 0; row < count; ++row) {
    const size_t in_head = row % head_dim;
    const size_t from = row - in_head + 2 * (in_head % (head_dim / 2)) + in_head / (head_dim / 2);
    std::copy_n(&rows[from * columns], columns, &out[row * columns]);
  }
  return out;
}

void AddTensor(Folder& folder, const WeightFile& gguf, const std::string& gguf_name,
               const std::string& name, const ModelConfig& config, bool rotated, float norm_less) {
  const Tensor* tensor = gguf.Find(gguf_name);
  if (tensor == nullptr) return;
  std::vector<float> values = ValuesOf(*tensor);
  if (rotated) values = HalvesApart(values, config.head_dim, tensor->columns());
  for (float& x : values) x -= norm_less;
  folder.Add(name, tensor->shape, values);
}

std::string ConfigJson(const ModelConfig& config) {
  Json json = {{"model_type", NameOf(config.family)},
               {"num_hidden_layers", config.layers},
               {"hidden_size", config.width},
               {"intermediate_size", config.feed_forward},
               {"num_attention_heads", config.heads},
               {"num_key_value_heads", config.kv_heads},
               {"head_dim", config.head_dim},
               {"vocab_size", config.vocabulary},
               {"max_position_embeddings", config.context_length},
               {"rms_norm_eps", config.norm_epsilon},
               {"rope_theta", config.rope.base}};
  if (config.family == ModelFamily::kGemma3) {
    json["model_type"] = "gemma3_text";
    json["sliding_window"] = config.window;
    json["query_pre_attn_scalar"] = config.head_dim;
  }
  return json.dump();
}

// Writes what is in the GGUF file as a folder.
void Convert(const std::filesystem::path& path, const ScratchFolder& to) {
  const auto gguf = OpenWeightFile(path);
  REQUIRE(gguf.ok());
  const absl::StatusOr<ModelConfig> config = ReadModelConfig(**gguf);
  REQUIRE(config.ok());
  to.Write("config.json", ConfigJson(*config));
  const WeightFile empty(WeightFileKind::kSafetensors, "", {}, Metadata(), {}, "");
  const TensorNames from(**gguf, config->has_post_norms());
  const TensorNames names(empty, config->has_post_norms());
  const bool gemma = config->family == ModelFamily::kGemma3;
  Folder folder;
  for (const ModelTensor t : {ModelTensor::kEmbedding, ModelTensor::kFinalNorm}) {
    AddTensor(folder, **gguf, from.Of(t), names.Of(t), *config, false,
              gemma && t == ModelTensor::kFinalNorm ? 1.0f : 0.0f);
  }
  for (uint32_t layer = 0; layer < config->layers; ++layer) {
    for (int i = 0; i <= static_cast<int>(LayerTensor::kPostFeedForwardNorm); ++i) {
      const auto t = static_cast<LayerTensor>(i);
      const std::string name = names.Of(t, layer);
      const bool rotated = config->family == ModelFamily::kLlama &&
                           (t == LayerTensor::kQuery || t == LayerTensor::kKey);
      const bool norm = name.find("norm") != std::string::npos;
      AddTensor(folder, **gguf, from.Of(t, layer), name, *config, rotated,
                gemma && norm ? 1.0f : 0.0f);
    }
  }
  to.Write("model.safetensors", folder.Bytes());
}

std::vector<float> LogitsOf(const std::filesystem::path& path, WeightFormat format) {
  EngineRig rig(path, {.weights = format}, 1, 8);
  StepSpan span;
  span.tokens = RandomTokens(21, 60, kTinyVocabulary);
  span.table = rig.Table(0, 60);
  std::vector<float> all;
  REQUIRE(rig.engine()
              .RunTeacherForced(span,
                                [&](uint32_t, std::span<const float> logits) {
                                  all.insert(all.end(), logits.begin(), logits.end());
                                })
              .ok());
  return all;
}

TEST_CASE("a model's logits are the same from a GGUF file and from a safetensors folder") {
  for (const ModelFamily family :
       {ModelFamily::kLlama, ModelFamily::kQwen2, ModelFamily::kQwen3, ModelFamily::kGemma3}) {
    INFO(NameOf(family));
    const TinyModelFile gguf({.family = family, .weights = TensorType::kF32});
    const ScratchFolder folder;
    Convert(gguf.path(), folder);
    const std::vector<float> a = LogitsOf(gguf.path(), WeightFormat::kInt8);
    const std::vector<float> b = LogitsOf(folder.path(), WeightFormat::kInt8);
    REQUIRE(a.size() == b.size());
    if (family == ModelFamily::kQwen2 || family == ModelFamily::kQwen3) {
      REQUIRE(a == b);  // the same numbers in the same order
      continue;
    }
    // Another order of a head's values, or a norm that went through w - 1 + 1: rounding may differ,
    // and one value that rounds to the next int8 code moves a logit a little.
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
      size += std::pow(static_cast<double>(a[i]), 2);
    }
    REQUIRE(std::sqrt(difference / size) < 0.01);
  }
}

}  // namespace
}  // namespace cairn
