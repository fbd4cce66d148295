// One story in many tellings: however a sequence reaches the engine, its logits have the same bits.
#include "worker/engine/cpu_engine.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "tests/kernels/levels.h"
#include "tests/support/engine_rig.h"
#include "tests/support/test_models.h"
#include "tests/support/tiny_model.h"

namespace cairn {
namespace {

using Logits = std::vector<std::vector<float>>;  // of each position

// The logits of every position, computed in chunks of the given size, into slots from first_slot
// on.
Logits Chunked(EngineRig& rig, const std::vector<TokenId>& tokens, uint32_t chunk,
               uint32_t first_slot = 0) {
  Logits logits(tokens.size());
  StepSpan span;
  for (uint32_t begin = 0; begin < tokens.size(); begin += chunk) {
    const size_t end = std::min<size_t>(tokens.size(), begin + chunk);
    span.first_position = begin;
    span.tokens.assign(tokens.begin() + begin, tokens.begin() + static_cast<ptrdiff_t>(end));
    span.table = rig.Table(first_slot, end);
    const absl::Status status =
        rig.engine().RunTeacherForced(span, [&](uint32_t row, std::span<const float> values) {
          logits[begin + row].assign(values.begin(), values.end());
        });
    REQUIRE(status.ok());
  }
  return logits;
}

// The greedy token and its log-probability stand for the row in steps that only sample.
SampleRequest Greedy(const SamplingParams& params, const StepSpan& span) {
  return {.params = &params,
          .position = span.first_position + static_cast<uint32_t>(span.tokens.size())};
}

struct Case {
  ModelFamily family;
  TensorType tensors;
  WeightFormat weights;
  KvType kv;
};

const std::vector<Case> kCases = {
    {ModelFamily::kLlama, TensorType::kQ4_1, WeightFormat::kQ4, KvType::kBf16},
    {ModelFamily::kLlama, TensorType::kQ8_0, WeightFormat::kInt8, KvType::kInt8},
    {ModelFamily::kLlama, TensorType::kF32, WeightFormat::kBf16, KvType::kBf16},
    {ModelFamily::kQwen2, TensorType::kQ4_0, WeightFormat::kQ4, KvType::kBf16},
    {ModelFamily::kQwen3, TensorType::kF16, WeightFormat::kInt8, KvType::kBf16},
    {ModelFamily::kGemma3, TensorType::kQ4_1, WeightFormat::kInt8, KvType::kBf16},
    {ModelFamily::kGemma3, TensorType::kBf16, WeightFormat::kBf16, KvType::kInt8},
};

std::string NameOfCase(const Case& c) {
  return std::string(NameOf(c.family)) + " of " + InfoOf(c.tensors).name + " as " +
         NameOf(c.weights) + (c.kv == KvType::kInt8 ? ", int8 KV" : "");
}

TEST_CASE("cold, chunked, and computed by one or two threads: the same bits") {
  for (const Case& c : kCases) {
    INFO(NameOfCase(c));
    const TinyModelFile model({.family = c.family, .weights = c.tensors});
    const CpuEngineOptions options{.weights = c.weights, .kv_type = c.kv};
    EngineRig one(model.path(), options, 1, 32);
    const std::vector<TokenId> tokens = RandomTokens(5, 150, kTinyVocabulary);
    const Logits whole = Chunked(one, tokens, 512);
    for (const uint32_t chunk : {1u, 7u, 16u, 64u, 128u}) {
      INFO("chunks of " << chunk);
      REQUIRE(Chunked(one, tokens, chunk, 12) == whole);
    }
    EngineRig two(model.path(), options, 2, 32);
    REQUIRE(Chunked(two, tokens, 512) == whole);
    REQUIRE(Chunked(two, tokens, 7) == whole);
  }
}

TEST_CASE("4-bit codes give the same bits packed as spread to bytes") {
  const TinyModelFile model({.family = ModelFamily::kLlama, .weights = TensorType::kQ4_1});
  const std::vector<TokenId> tokens = RandomTokens(6, 100, kTinyVocabulary);
  EngineRig packed(model.path(), {.weights = WeightFormat::kQ4}, 1, 32);
  EngineRig spread(model.path(), {.weights = WeightFormat::kInt8}, 1, 32);
  REQUIRE(Chunked(packed, tokens, 512) == Chunked(spread, tokens, 512));
}

TEST_CASE("a row's choice does not depend on what else is in the step") {
  for (const Case& c : kCases) {
    INFO(NameOfCase(c));
    const TinyModelFile model({.family = c.family, .weights = c.tensors});
    EngineRig rig(model.path(), {.weights = c.weights, .kv_type = c.kv}, 2, 64);
    const SamplingParams greedy{.temperature = 0, .top_logprobs = 5};
    std::map<uint32_t, SampledToken> alone;
    std::vector<StepSpan> spans;
    for (uint32_t i = 0; i < 5; ++i) {  // prompts of 10, 25, 40, 55 and 70 tokens
      StepSpan span{.sequence = SequenceId(i),
                    .first_position = 0,
                    .tokens = RandomTokens(100 + i, 10 + 15 * i, kTinyVocabulary),
                    .table = {},
                    .samples = {}};
      span.table = rig.Table(8 * i, span.tokens.size());
      span.samples = {Greedy(greedy, span)};
      const absl::StatusOr<StepResult> result = rig.engine().Run({.spans = {span}});
      REQUIRE(result.ok());
      alone[i] = result->samples[0][0];
      spans.push_back(std::move(span));
    }
    const absl::StatusOr<StepResult> together = rig.engine().Run({.spans = spans});
    REQUIRE(together.ok());
    for (uint32_t i = 0; i < 5; ++i) {
      REQUIRE(together->samples[i][0].token == alone[i].token);
      REQUIRE(together->samples[i][0].logprob == alone[i].logprob);
      REQUIRE(together->samples[i][0].top_logprobs.back().logprob ==
              alone[i].top_logprobs.back().logprob);
    }
  }
}

TEST_CASE("a prompt that continues shared or copied blocks gives the bits of a cold one") {
  const TinyModelFile model({.family = ModelFamily::kGemma3});
  EngineRig rig(model.path(), {}, 2, 64);
  const std::vector<TokenId> tokens = RandomTokens(9, 120, kTinyVocabulary);
  const Logits cold = Chunked(rig, tokens, 512);
  const SamplingParams greedy{.temperature = 0, .top_logprobs = 1};
  StepSpan span{.first_position = 72, .tokens = {tokens.begin() + 72, tokens.end()}};
  span.table = rig.Table(0, tokens.size());
  span.samples = {Greedy(greedy, span)};
  // The block of positions 64 to 79 is half another's: it is copied before it is written.
  const BlockCopy copy{span.table[4], SlotIndex(40)};
  for (size_t i = 4; i < span.table.size(); ++i) {
    span.table[i] = SlotIndex(36 + static_cast<uint32_t>(i));
  }
  const auto result = rig.engine().Run({.copies = {copy}, .spans = {span}});
  REQUIRE(result.ok());
  const auto best = std::ranges::max_element(cold.back()) - cold.back().begin();
  REQUIRE(result->samples[0][0].token == best);
  StepSpan forced = span;
  forced.samples.clear();
  REQUIRE(rig.engine()
              .RunTeacherForced(forced,
                                [&](uint32_t row, std::span<const float> values) {
                                  REQUIRE(std::ranges::equal(values, cold[72 + row]));
                                })
              .ok());
}

TEST_CASE("a plan that asks for what cannot be is refused whole") {
  const TinyModelFile model;
  EngineRig rig(model.path(), {.step_tokens_max = 32}, 1, 4);
  const auto refusal = [&](const StepSpan& span) {
    const auto result = rig.engine().Run({.spans = {span}});
    REQUIRE(result.status().code() == absl::StatusCode::kInvalidArgument);
    return std::string(result.status().message());
  };
  const StepSpan good{.tokens = {1, 2, 3}, .table = {SlotIndex(0)}};
  StepSpan bad = good;
  bad.tokens.assign(33, 1);
  bad.table = rig.Table(0, 33);
  CHECK(refusal(bad).find("at most 32") != std::string::npos);
  bad = good;
  bad.tokens[1] = kTinyVocabulary;
  CHECK(refusal(bad).find("vocabulary") != std::string::npos);
  bad.tokens[1] = -1;
  CHECK(refusal(bad).find("vocabulary") != std::string::npos);
  bad = good;
  bad.table = {SlotIndex(4)};
  CHECK(refusal(bad).find("slot 4 of 4") != std::string::npos);
  bad = good;
  bad.first_position = 14;
  CHECK(refusal(bad).find("do not cover") != std::string::npos);
  bad.first_position = 4000;
  CHECK(refusal(bad).find("context") != std::string::npos);
  bad = good;
  bad.tokens.clear();
  CHECK(refusal(bad).find("no tokens") != std::string::npos);
  CHECK(rig.engine().Run({.spans = {good}}).ok());
  CHECK(rig.engine().Run({}).ok());
}

TEST_CASE("a model with a missing or misshapen tensor is refused by the tensor's name") {
  const std::string bytes = TinyModel({});
  const ScratchFolder folder;
  WorkerTeam team(1, false);
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string edited = bytes;
    const size_t at = edited.find(from);
    REQUIRE(at != std::string::npos);
    edited.replace(at, from.size(), to);
    const auto model = LoadModel(folder.Write("edited.gguf", edited), {}, team, nullptr);
    REQUIRE_FALSE(model.ok());
    return std::string(model.status().message());
  };
  CHECK(refusal("blk.1.ffn_up.weight", "blk.1.ffn_xx.weight")
            .find("'blk.1.ffn_up.weight' is missing") != std::string::npos);
  const std::string vector = std::string("blk.0.attn_norm.weight") + '\1' + std::string(3, '\0');
  CHECK(refusal(vector + '\x40', vector + '\x20').find("has shape 32, expected 64") !=
        std::string::npos);
}

// How far the logits of another instruction set may be from this machine's best, as a share of the
// spread (standard deviation) of their row. Integer products have the same bits everywhere; floats
// are added in another order, attention rounds to bf16 only where the machine multiplies bf16 (and
// adds in another order again where it has tiles), and a difference in the last bit of a float may
// move an activation to the next code.
struct LevelDifference {
  double worst = 0;
  double mean = 0;  // root of the mean square
};

LevelDifference DifferenceOf(const Logits& a, const Logits& b) {
  LevelDifference difference;
  double squares = 0, count = 0;
  for (size_t row = 0; row < a.size(); ++row) {
    double sum = 0, square = 0;
    for (const float x : a[row]) sum += x, square += double{x} * x;
    const auto n = static_cast<double>(a[row].size());
    const double spread = std::sqrt(square / n - sum / n * (sum / n));
    for (size_t i = 0; i < a[row].size(); ++i) {
      const double off = std::abs(double{a[row][i]} - b[row][i]) / spread;
      difference.worst = std::max(difference.worst, off);
      squares += off * off;
      ++count;
    }
  }
  difference.mean = std::sqrt(squares / count);
  return difference;
}

void CheckLevels(const std::filesystem::path& model, WeightFormat weights, size_t tokens,
                 uint32_t vocabulary, const LevelDifference& tolerance) {
  EngineRig best(model, {.weights = weights}, 2, 16);
  const std::vector<TokenId> text = RandomTokens(8, tokens, vocabulary);
  const Logits expected = Chunked(best, text, 64);
  for (const CpuLevel level : RunnableLevels()) {
    for (const AttentionArithmetic attention :
         {AttentionArithmetic::kFloat, AttentionArithmetic::kBf16,
          AttentionArithmetic::kBf16Tiles}) {
      if (AttentionArithmeticOf(level, attention) != attention) continue;
      INFO("level " << LevelName(level) << ", attention " << AttentionArithmeticName(attention));
      EngineRig rig(model, {.weights = weights, .level = level, .attention = attention}, 2, 16);
      const LevelDifference difference = DifferenceOf(expected, Chunked(rig, text, 64));
      INFO("worst " << difference.worst << ", mean " << difference.mean);
      CHECK(difference.worst <= tolerance.worst);
      CHECK(difference.mean <= tolerance.mean);
    }
  }
}

TEST_CASE("another instruction set's logits are within the stated tolerance") {
  for (const Case& c : kCases) {
    if (c.kv == KvType::kInt8) continue;
    INFO(NameOfCase(c));
    const TinyModelFile model({.family = c.family, .weights = c.tensors});
    CheckLevels(model.path(), c.weights, 100, kTinyVocabulary, {.worst = 0.2, .mean = 0.03});
  }
  if (kSanitized) {
    return SkippedWithout("cpu_engine_test (levels of the real models)",
                          "a build without sanitizers");
  }
  for (const std::string_view name : {kSmolLm, kGemma}) {
    const auto path = TestModel(name);
    if (!path) {
      SkippedWithout("cpu_engine_test (levels of the real models)", name);
      continue;
    }
    for (const WeightFormat weights : {WeightFormat::kQ4, WeightFormat::kBf16}) {
      INFO(name << " " << NameOf(weights));
      const bool rounded = weights == WeightFormat::kQ4;  // activations to 8 bits
      CheckLevels(*path, weights, 32, 40000,
                  rounded ? LevelDifference{.worst = 2.5, .mean = 0.4}
                          : LevelDifference{.worst = 0.8, .mean = 0.1});
    }
  }
}

TEST_CASE("the real models: cold, chunked and batched give the same bits") {
  for (const std::string_view name : {kSmolLm, kGemma}) {
    const auto path = TestModel(name);
    if (!path) {
      SkippedWithout("cpu_engine_test (real models)", name);
      continue;
    }
    EngineRig rig(*path, {}, 2, 16);
    const std::vector<TokenId> tokens = RandomTokens(3, 40, 40000);
    const Logits whole = Chunked(rig, tokens, 64);
    REQUIRE(Chunked(rig, tokens, 16, 4) == whole);
    REQUIRE(Chunked(rig, tokens, 9, 8) == whole);
  }
}

}  // namespace
}  // namespace cairn
