#include "worker/model/model_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "worker/model/dequantize.h"
#include "worker/model/model_fields.h"

namespace cairn {
namespace {

using Json = nlohmann::json;

// Far above any model of these families; below what would overflow 32 bits anywhere.
constexpr uint32_t kLayersMax = 1024;
constexpr uint32_t kWidthMax = 1 << 17;
constexpr uint32_t kHeadsMax = 1024;
constexpr uint32_t kHeadDimMax = 1024;
constexpr uint32_t kVocabularyMax = 1 << 22;
constexpr uint32_t kContextMax = 1 << 27;

constexpr uint32_t kGemmaPattern = 6;  // five local layers, then a full one
constexpr uint32_t kGemma27bLayers = 62;

std::vector<uint32_t> LocalLayers(uint32_t layers, uint32_t pattern) {
  std::vector<uint32_t> local;
  for (uint32_t i = 0; i < layers; ++i) {
    if ((i + 1) % pattern != 0) local.push_back(i);
  }
  return local;
}

// What follows from other fields, and what they must be to each other.
absl::StatusOr<ModelConfig> Finish(ModelConfig config, const ModelFields& fields) {
  if (!fields.status().ok()) return fields.status();
  const auto refuse = [](const std::string& why) { return absl::InvalidArgumentError(why); };
  if (config.heads % config.kv_heads != 0) {
    return refuse(absl::StrCat(config.heads, " heads cannot share ", config.kv_heads, " KV heads"));
  }
  if (config.rotary_dim % 2 != 0 || config.rotary_dim > config.head_dim) {
    return refuse(
        absl::StrCat(config.rotary_dim, " rotated values of a head of ", config.head_dim));
  }
  for (const uint32_t width : {config.width, config.feed_forward, config.query_width()}) {
    if (width % kGroupValues == 0) continue;
    return refuse(absl::StrCat("a width of ", width, " is not a multiple of ", kGroupValues));
  }
  if (!(config.norm_epsilon > 0 && config.norm_epsilon < 1)) {
    return refuse(absl::StrCat("a norm epsilon of ", config.norm_epsilon));
  }
  if (!(config.attention_scale > 0)) return refuse("an attention scale that is not positive");
  for (const RopeConfig* rope : {&config.rope, &config.local_rope}) {
    if (!(rope->base > 0) || !(rope->linear > 0)) {
      return refuse(absl::StrCat("a rotation of base ", rope->base, " and scale ", rope->linear));
    }
    const bool usable =
        std::ranges::all_of(rope->factors, [](float f) { return std::isfinite(f) && f > 0; });
    if (!usable || (!rope->factors.empty() && rope->factors.size() != config.rotary_dim / 2)) {
      return refuse(absl::StrCat("rope factors: expected ", config.rotary_dim / 2,
                                 " positive numbers, found ", rope->factors.size()));
    }
  }
  if (config.local_layers.empty() != (config.window == 0)) {
    return refuse("a sliding window needs local layers, and local layers a window");
  }
  return config;
}

std::optional<ModelFamily> FamilyOf(std::string_view architecture) {
  if (architecture == "llama") return ModelFamily::kLlama;
  if (architecture == "qwen2") return ModelFamily::kQwen2;
  if (architecture == "qwen3") return ModelFamily::kQwen3;
  if (architecture == "gemma3" || architecture == "gemma3_text") return ModelFamily::kGemma3;
  return std::nullopt;
}

absl::Status UnknownArchitecture(std::string_view name) {
  return absl::InvalidArgumentError(
      absl::StrCat("architecture '", std::string(name.substr(0, 80)),
                   "' is not known; llama, qwen2, qwen3 and gemma3 are"));
}

// ------------------------------------------------------------------------------------------ GGUF

absl::Status ReadGgufRope(const WeightFile& file, const std::string& prefix, ModelFields& fields,
                          ModelConfig& config) {
  config.rope.base = fields.Real("rope.freq_base", 10000.0);
  const auto type = file.metadata().String(prefix + "rope.scaling.type");
  if (!type.ok()) return type.status();
  const std::string kind(type->value_or("none"));
  if (kind == "linear") {
    config.rope.linear = fields.Real("rope.scaling.factor");
  } else if (kind == "none") {
    config.rope.linear = fields.Real("rope.scale_linear", 1.0);  // the older name
  } else {
    return absl::InvalidArgumentError(absl::StrCat("rope scaling '", kind, "' is not computed"));
  }
  if (const Tensor* factors = file.Find("rope_freqs.weight")) {
    if (factors->rows() != 1 || factors->columns() > kHeadDimMax) {
      return absl::InvalidArgumentError("tensor 'rope_freqs.weight' is not a short vector");
    }
    config.rope.factors.resize(factors->columns());
    DequantizeRow(factors->type, factors->bytes, config.rope.factors);
  }
  return absl::OkStatus();
}

absl::StatusOr<ModelConfig> FromGguf(const WeightFile& file) {
  const auto architecture = file.metadata().String("general.architecture");
  if (!architecture.ok()) return architecture.status();
  if (!architecture->has_value()) {
    return absl::InvalidArgumentError("metadata 'general.architecture' is missing");
  }
  const std::optional<ModelFamily> family = FamilyOf(**architecture);
  if (!family) return UnknownArchitecture(**architecture);
  const Tensor* embedding = file.Find("token_embd.weight");
  if (embedding == nullptr) {
    return absl::InvalidArgumentError("tensor 'token_embd.weight' is missing: no weights here");
  }

  const std::string prefix = std::string(**architecture) + ".";
  GgufFields fields(file.metadata(), prefix);
  ModelConfig config{.family = *family};
  const auto name = file.metadata().String("general.name");
  if (name.ok()) config.name = std::string(name->value_or(""));
  config.layers = fields.Count("block_count", 1, kLayersMax);
  config.width = fields.Count("embedding_length", 1, kWidthMax);
  config.feed_forward = fields.Count("feed_forward_length", 1, kWidthMax);
  config.heads = fields.Count("attention.head_count", 1, kHeadsMax);
  config.kv_heads = fields.Count("attention.head_count_kv", 1, kHeadsMax, config.heads);
  config.head_dim =
      fields.Count("attention.key_length", 1, kHeadDimMax, config.width / config.heads);
  if (fields.Count("attention.value_length", 1, kHeadDimMax, config.head_dim) != config.head_dim) {
    fields.Refuse("values of another length than keys are not computed");
  }
  config.rotary_dim = fields.Count("rope.dimension_count", 1, kHeadDimMax, config.head_dim);
  config.vocabulary = static_cast<uint32_t>(std::min<uint64_t>(embedding->rows(), kVocabularyMax));
  config.context_length = fields.Count("context_length", 1, kContextMax);
  config.norm_epsilon = static_cast<float>(fields.Real("attention.layer_norm_rms_epsilon"));
  config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim));
  fields.RefuseIfSet("expert_count", "a mixture of experts");
  fields.RefuseIfSet("attn_logit_softcapping", "a cap on attention scores");
  fields.RefuseIfSet("final_logit_softcapping", "a cap on logits");
  const absl::Status rope = ReadGgufRope(file, prefix, fields, config);
  if (!rope.ok()) return rope;
  if (*family == ModelFamily::kGemma3) {
    config.window = fields.Count("attention.sliding_window", 1, kContextMax);
    config.local_layers =
        LocalLayers(config.layers,
                    fields.Count("attention.sliding_window_pattern", 2, kLayersMax, kGemmaPattern));
    config.local_rope.base = fields.Real("rope.freq_base_swa", 10000.0);
    config.embedding_scale = std::sqrt(static_cast<float>(config.width));
    // The file does not say it: the 27B model alone scales by width / heads (llama.cpp does the
    // same).
    if (config.layers == kGemma27bLayers) {
      config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.width / config.heads));
    }
  } else {
    fields.RefuseIfSet("attention.sliding_window", "a sliding window in this family");
  }
  return Finish(std::move(config), fields);
}

// ----------------------------------------------------------------------------------- config.json

// Llama 3's stretch of the rotation: long waves are slowed by `factor`, short ones kept, those
// between interpolated (transformers, modeling_rope_utils.py, _compute_llama3_parameters).
std::vector<float> Llama3Factors(ModelFields& scaling, double base, uint32_t rotary_dim) {
  const double factor = scaling.Real("factor");
  const double low = scaling.Real("low_freq_factor");
  const double high = scaling.Real("high_freq_factor");
  const double old_context = scaling.Real("original_max_position_embeddings");
  if (!(factor > 0 && low > 0 && high > low && old_context > 0)) {
    scaling.Refuse("rope_scaling of type llama3 has impossible numbers");
    return {};
  }
  std::vector<float> factors;
  for (uint32_t i = 0; i < rotary_dim / 2; ++i) {
    const double wave = 2 * std::numbers::pi * std::pow(base, 2.0 * i / rotary_dim);
    const double smooth = std::clamp((old_context / wave - low) / (high - low), 0.0, 1.0);
    factors.push_back(static_cast<float>(1 / ((1 - smooth) / factor + smooth)));
  }
  return factors;
}

// One rotation: `base` unless the scaling object has its own "rope_theta" (transformers 5).
RopeConfig RopeFromJson(const Json* scaling, double base, uint32_t rotary_dim,
                        ModelFields& fields) {
  RopeConfig rope{.base = base};
  if (scaling == nullptr || scaling->is_null()) return rope;
  if (!scaling->is_object()) {
    fields.Refuse("field 'rope_scaling' is not an object");
    return rope;
  }
  JsonFields inner(*scaling);
  rope.base = inner.Real("rope_theta", base);
  const auto kind = scaling->value("rope_type", scaling->value("type", Json("default")));
  if (kind == "linear") {
    rope.linear = inner.Real("factor");
  } else if (kind == "llama3") {
    rope.factors = Llama3Factors(inner, rope.base, rotary_dim);
  } else if (kind != "default") {
    fields.Refuse(absl::StrCat("rope scaling ",
                               kind.dump(-1, ' ', true, Json::error_handler_t::replace),
                               " is not computed"));
  }
  if (!inner.status().ok()) fields.Refuse(std::string(inner.status().message()));
  return rope;
}

const Json* MemberOf(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// Gemma3: which layers are local, their window and both rotations.
void ReadGemmaLayers(const Json& json, ModelFields& fields, ModelConfig& config) {
  config.window = fields.Count("sliding_window", 1, kContextMax, 4096);
  config.embedding_scale = std::sqrt(static_cast<float>(config.width));
  config.attention_scale =
      1.0f / std::sqrt(static_cast<float>(fields.Real("query_pre_attn_scalar", 256.0)));
  fields.RefuseIfSet("attn_logit_softcapping", "a cap on attention scores");
  fields.RefuseIfSet("final_logit_softcapping", "a cap on logits");
  const Json* types = MemberOf(json, "layer_types");
  if (types == nullptr) {
    config.local_layers = LocalLayers(
        config.layers, fields.Count("sliding_window_pattern", 2, kLayersMax, kGemmaPattern));
    return;
  }
  if (!types->is_array() || types->size() != config.layers) {
    return fields.Refuse("field 'layer_types' is not one string a layer");
  }
  for (uint32_t i = 0; i < config.layers; ++i) {
    if ((*types)[i] == "sliding_attention") {
      config.local_layers.push_back(i);
    } else if ((*types)[i] != "full_attention") {
      return fields.Refuse(absl::StrCat("layer ", i, " of 'layer_types' is of no known type"));
    }
  }
  if (config.local_layers.empty()) config.window = 0;
}

void ReadJsonRopes(const Json& json, ModelFields& fields, ModelConfig& config) {
  const bool gemma = config.family == ModelFamily::kGemma3;
  const double base = fields.Real("rope_theta", gemma ? 1e6 : 10000.0);
  const double local_base = fields.Real("rope_local_base_freq", 10000.0);
  const Json* parameters = MemberOf(json, "rope_parameters");
  const Json* scaling = parameters != nullptr ? parameters : MemberOf(json, "rope_scaling");
  const Json* local = nullptr;
  if (gemma && parameters != nullptr && MemberOf(*parameters, "full_attention") != nullptr) {
    scaling = MemberOf(*parameters, "full_attention");
    local = MemberOf(*parameters, "sliding_attention");
  }
  config.rope = RopeFromJson(scaling, base, config.rotary_dim, fields);
  config.local_rope = RopeFromJson(local, local_base, config.rotary_dim, fields);
}

absl::StatusOr<ModelConfig> FromJson(const WeightFile& file) {
  const Json whole = Json::parse(file.config_json(), nullptr, /*allow_exceptions=*/false);
  const Json* type = MemberOf(whole, "model_type");
  if (type == nullptr || !type->is_string()) {
    return absl::InvalidArgumentError("config.json is not an object with a 'model_type'");
  }
  const std::optional<ModelFamily> family = FamilyOf(type->get_ref<const std::string&>());
  if (!family) return UnknownArchitecture(type->get_ref<const std::string&>());
  const bool gemma = *family == ModelFamily::kGemma3;
  const Json* text = MemberOf(whole, "text_config");  // of a model that also sees
  const Json& json = text != nullptr && text->is_object() ? *text : whole;

  JsonFields fields(json);
  // Gemma3's own configuration leaves out what equals these (transformers, Gemma3TextConfig).
  const auto gemma_default = [&](uint32_t value) {
    return gemma ? std::optional<uint32_t>(value) : std::nullopt;
  };
  ModelConfig config{.family = *family, .name = file.path().filename().string()};
  config.layers = fields.Count("num_hidden_layers", 1, kLayersMax);
  config.width = fields.Count("hidden_size", 1, kWidthMax);
  config.feed_forward = fields.Count("intermediate_size", 1, kWidthMax);
  config.heads = fields.Count("num_attention_heads", 1, kHeadsMax, gemma_default(8));
  config.kv_heads = fields.Count("num_key_value_heads", 1, kHeadsMax, gemma ? 4 : config.heads);
  config.head_dim = fields.Count("head_dim", 1, kHeadDimMax,
                                 gemma ? 256 : std::max(1u, config.width / config.heads));
  config.rotary_dim = config.head_dim;
  config.vocabulary = fields.Count("vocab_size", 1, kVocabularyMax, gemma_default(262208));
  config.context_length =
      fields.Count("max_position_embeddings", 1, kContextMax, gemma_default(131072));
  config.norm_epsilon = static_cast<float>(fields.Real("rms_norm_eps", 1e-6));
  config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim));
  if (fields.Real("partial_rotary_factor", 1.0) != 1.0) {
    fields.Refuse("field 'partial_rotary_factor': rotating a part of each head is not computed");
  }
  fields.RefuseIfSet("use_sliding_window", "a sliding window in this family");
  if (gemma) ReadGemmaLayers(json, fields, config);
  ReadJsonRopes(json, fields, config);
  return Finish(std::move(config), fields);
}

}  // namespace

bool ModelConfig::IsLocal(uint32_t layer) const {
  return std::ranges::binary_search(local_layers, layer);
}

const char* NameOf(ModelFamily family) {
  switch (family) {
    case ModelFamily::kLlama:
      return "llama";
    case ModelFamily::kQwen2:
      return "qwen2";
    case ModelFamily::kQwen3:
      return "qwen3";
    case ModelFamily::kGemma3:
      return "gemma3";
  }
  return "unknown";
}

absl::StatusOr<ModelConfig> ReadModelConfig(const WeightFile& file) {
  absl::StatusOr<ModelConfig> config =
      file.kind() == WeightFileKind::kGguf ? FromGguf(file) : FromJson(file);
  if (config.ok()) return config;
  return absl::Status(config.status().code(),
                      absl::StrCat(file.path().string(), ": ", config.status().message()));
}

}  // namespace cairn
