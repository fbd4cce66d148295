// The engine beside the NumPy reference of the same file, teacher-forced over the texts of
// tests/reference/texts: what docs/numbers/quality.md reports must stay true.
#include <catch2/catch.hpp>
#include <string>

#include "tests/reference/quality.h"
#include "tests/support/test_models.h"
#include "tests/support/tiny_model.h"

namespace cairn {
namespace {

struct Gate {
  WeightFormat weights;
  double perplexity_change_max;
  double agreement_min;
};
constexpr Gate kBf16{WeightFormat::kBf16, 0.003, 0.97};
// kInt8 gives the same bits (cpu_engine_test).
constexpr Gate kQ4{WeightFormat::kQ4, 0.01, 0.95};

void RequireQuality(std::string_view model, const std::string& results, const Gate& gate) {
  const auto path = TestModel(model);
  if (!path) return SkippedWithout("quality_test", model);
  if (kSanitized) return SkippedWithout("quality_test", "a build without sanitizers");
  const auto texts = MeasureQuality(
      {.model = *path, .reference = "tests/reference/" + results, .weights = gate.weights});
  REQUIRE(texts.ok());
  REQUIRE(texts->size() >= 30);
  Quality all;
  for (const TextQuality& text : *texts) all.Add(text.quality);
  INFO(model << " as " << NameOf(gate.weights) << ": perplexity " << all.perplexity_change()
             << ", agreement " << all.agreement());
  CHECK(std::abs(all.perplexity_change()) <= gate.perplexity_change_max);
  CHECK(all.agreement() >= gate.agreement_min);
}

TEST_CASE("SmolLM2 in bf16 says what the reference says") {
  RequireQuality(kSmolLm, "smollm2.results", kBf16);
}
TEST_CASE("SmolLM2 in q4 says what the reference says") {
  RequireQuality(kSmolLm, "smollm2.results", kQ4);
}
TEST_CASE("Gemma3 in bf16 says what the reference says") {
  RequireQuality(kGemma, "gemma3.results", kBf16);
}
TEST_CASE("Gemma3 in q4 says what the reference says") {
  RequireQuality(kGemma, "gemma3.results", kQ4);
}

// Random weights say nothing sensible, but a bias, a norm or a rotation forgotten or put in the
// wrong place moves every probability.
TEST_CASE("each family's forward pass is the reference's") {
  for (const ModelFamily family :
       {ModelFamily::kLlama, ModelFamily::kQwen2, ModelFamily::kQwen3, ModelFamily::kGemma3}) {
    INFO(NameOf(family));
    const TinyModelFile model({.family = family, .weights = TensorType::kBf16});
    const auto texts = MeasureQuality(
        {.model = model.path(),
         .reference = std::string("tests/reference/tiny-") + NameOf(family) + ".results",
         .weights = WeightFormat::kBf16});
    REQUIRE(texts.ok());
    REQUIRE(texts->size() == 1);
    const Quality& quality = texts->front().quality;
    INFO("perplexity " << quality.perplexity_change() << ", agreement " << quality.agreement());
    CHECK(std::abs(quality.perplexity_change()) <= 0.003);
    CHECK(quality.agreement() >= 0.97);
  }
}

}  // namespace
}  // namespace cairn
