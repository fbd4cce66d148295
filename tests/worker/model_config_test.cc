#include "worker/model/model_config.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "tests/support/gguf_writer.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/test_models.h"
#include "tests/support/tiny_model.h"
#include "worker/model/kv_geometry.h"

namespace cairn {
namespace {

absl::StatusOr<ModelConfig> ConfigOf(const std::filesystem::path& path) {
  const auto file = OpenWeightFile(path);
  REQUIRE(file.ok());
  return ReadModelConfig(**file);
}

// A safetensors folder with this config.json and one tensor.
absl::StatusOr<ModelConfig> ConfigOfJson(const std::string& json) {
  ScratchFolder folder;
  folder.Write("config.json", json);
  const std::string head = R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const uint64_t size = head.size();
  folder.Write("model.safetensors",
               std::string(reinterpret_cast<const char*>(&size), 8) + head + "1234");
  return ConfigOf(folder.path());
}

std::string RefusalOfJson(const std::string& json) {
  const auto config = ConfigOfJson(json);
  REQUIRE_FALSE(config.ok());
  return std::string(config.status().message());
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* kLlamaJson =
    R"({"model_type":"llama","num_hidden_layers":4,"hidden_size":64,"intermediate_size":128,
        "num_attention_heads":4,"num_key_value_heads":2,"vocab_size":100,"rms_norm_eps":1e-5,
        "max_position_embeddings":2048,"rope_theta":500000.0,
        "rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,
                        "high_freq_factor":4.0,"original_max_position_embeddings":8192}})";

std::string With(std::string json, const std::string& from, const std::string& to) {
  const size_t at = json.find(from);
  REQUIRE(at != std::string::npos);
  return json.replace(at, from.size(), to);
}

TEST_CASE("every family's tiny model describes itself") {
  for (const ModelFamily family :
       {ModelFamily::kLlama, ModelFamily::kQwen2, ModelFamily::kQwen3, ModelFamily::kGemma3}) {
    const TinyModelFile model({.family = family});
    const auto config = ConfigOf(model.path());
    REQUIRE(config.ok());
    REQUIRE(config->family == family);
    REQUIRE(config->width == 64);
    REQUIRE(config->head_dim == 16);
    REQUIRE(config->vocabulary == kTinyVocabulary);
    REQUIRE(config->attention_scale == 0.25f);
  }
}

TEST_CASE("Gemma's layers come in two classes: five local ones for each full one") {
  const TinyModelFile model({.family = ModelFamily::kGemma3});
  const auto config = ConfigOf(model.path());
  REQUIRE(config.ok());
  REQUIRE(config->local_layers == std::vector<uint32_t>{0, 1, 2, 3, 4, 6});
  REQUIRE(config->embedding_scale == 8.0f);
  const BlockGeometry geometry = KvGeometryOf(*config, 16, KvType::kBf16);
  REQUIRE(geometry.classes.size() == 2);
  REQUIRE(geometry.classes[0].layers == std::vector<uint32_t>{5});
  REQUIRE(geometry.classes[1].kind == LayerKind::kSlidingWindow);
  REQUIRE(geometry.classes[1].window == 40);
}

TEST_CASE("an architecture that is not known is refused by name") {
  GgufWriter writer;
  writer.AddString("general.architecture", "mamba");
  const ScratchFolder folder;
  const auto config = ConfigOf(folder.Write("m.gguf", writer.Finish()));
  REQUIRE(Has(std::string(config.status().message()), "architecture 'mamba' is not known"));
  REQUIRE(Has(RefusalOfJson(R"({"model_type":"mixtral"})"), "'mixtral'"));
}

TEST_CASE("Llama 3's stretched rotation keeps short waves and slows long ones") {
  const auto config = ConfigOfJson(kLlamaJson);
  REQUIRE(config.ok());
  REQUIRE(config->rope.factors.size() == 8);
  REQUIRE(config->rope.factors.front() == 1.0f);
  REQUIRE(config->rope.factors.back() == 8.0f);
  // Pair 4: wave 2 pi 500000^(8/16) = 4442.9, between 8192/4 and 8192/1.
  const double smooth = (8192 / 4442.8829 - 1) / 3;
  REQUIRE(config->rope.factors[4] == Approx(1 / ((1 - smooth) / 8 + smooth)).epsilon(1e-5));
}

TEST_CASE("a description that lacks or contradicts something is refused with the field") {
  const std::string good = kLlamaJson;
  CHECK(Has(RefusalOfJson(With(good, "\"hidden_size\":64", "\"hidden\":64")),
            "'hidden_size' is missing"));
  CHECK(Has(RefusalOfJson(With(good, "\"hidden_size\":64", "\"hidden_size\":\"64\"")),
            "is a string"));
  CHECK(Has(RefusalOfJson(With(good, "\"hidden_size\":64", "\"hidden_size\":1e30")),
            "'hidden_size' is 1e+30"));
  CHECK(
      Has(RefusalOfJson(With(good, "\"hidden_size\":64", "\"hidden_size\":64.5")), "whole number"));
  CHECK(Has(RefusalOfJson(With(good, "\"hidden_size\":64", "\"hidden_size\":72")),
            "not a multiple of 32"));
  CHECK(Has(RefusalOfJson(With(good, "value_heads\":2", "value_heads\":3")), "cannot share"));
  CHECK(Has(RefusalOfJson(With(good, "llama3", "yarn")), "\"yarn\" is not computed"));
  CHECK(Has(RefusalOfJson(With(good, "\"factor\":8.0,", "")), "'factor' is missing"));
  CHECK(Has(RefusalOfJson(With(good, "1e-5", "0")), "epsilon"));
  CHECK(Has(RefusalOfJson("[1,2]"), "model_type"));
  CHECK(Has(RefusalOfJson("{"), "model_type"));
}

TEST_CASE("Gemma's config.json gives layer types, both rotations and its own attention scale") {
  const auto config = ConfigOfJson(
      R"({"model_type":"gemma3_text","num_hidden_layers":3,"hidden_size":640,"intermediate_size":2048,
          "num_attention_heads":4,"num_key_value_heads":1,"head_dim":256,"vocab_size":1000,
          "rms_norm_eps":1e-6,"max_position_embeddings":32768,"query_pre_attn_scalar":64,
          "sliding_window":512,"layer_types":["sliding_attention","full_attention","sliding_attention"],
          "rope_parameters":{"full_attention":{"rope_type":"linear","factor":8.0,"rope_theta":1000000.0},
                             "sliding_attention":{"rope_type":"default","rope_theta":20000.0}}})");
  REQUIRE(config.ok());
  REQUIRE(config->local_layers == std::vector<uint32_t>{0, 2});
  REQUIRE(config->attention_scale == 0.125f);
  REQUIRE(config->rope.base == 1e6);
  REQUIRE(config->rope.linear == 8);
  REQUIRE(config->local_rope.base == 20000);
  REQUIRE(config->local_rope.linear == 1);
}

TEST_CASE("the real models describe themselves") {
  if (const auto path = TestModel(kSmolLm)) {
    const auto config = ConfigOf(*path);
    REQUIRE(config.ok());
    REQUIRE(config->layers == 30);
    REQUIRE(config->rope.base == 100000.0);
    REQUIRE(KvGeometryOf(*config, 16, KvType::kBf16).BlockBytes() == 16 * 23040);
  } else {
    SkippedWithout("model_config_test (SmolLM2)", kSmolLm);
  }
  if (const auto path = TestModel(kGemma)) {
    const auto config = ConfigOf(*path);
    REQUIRE(config.ok());
    REQUIRE(config->local_layers.size() == 15);
    REQUIRE(config->window == 512);
    REQUIRE(config->head_dim == 256);
  } else {
    SkippedWithout("model_config_test (Gemma3)", kGemma);
  }
}

}  // namespace
}  // namespace cairn
