// The sampler against a slow, obvious model in double precision, and the properties that callers
// rely on.
#include "worker/model/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <catch2/catch.hpp>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> RandomLogits(uint64_t seed, size_t size, double spread = 3) {
  Prng prng(seed);
  std::vector<float> logits(size);
  for (float& logit : logits) {
    double sum = 0;  // of twelve uniforms: nearly normal
    for (int i = 0; i < 12; ++i) sum += prng.Uniform() - 0.5;
    logit = static_cast<float>(sum * spread);
  }
  return logits;
}

struct Asking {
  SamplingParams params;
  std::vector<TokenId> prompt;
  std::vector<TokenId> output;
  std::vector<TokenId> forbidden;

  SampleRequest At(uint32_t position) const {
    return {.params = &params,
            .seed = params.seed,
            .position = position,
            .prompt = prompt,
            .output = output,
            .forbidden = forbidden};
  }
};

SampledToken Sample(std::vector<float>& logits, const Asking& asking, uint32_t position = 0) {
  SamplerScratch scratch;
  auto sampled = SampleToken(logits, asking.At(position), scratch);
  REQUIRE(sampled.status() == absl::OkStatus());
  return *sampled;
}

absl::Status Refusal(std::vector<float> logits, const Asking& asking) {
  SamplerScratch scratch;
  const std::vector<float> before = logits;
  absl::Status status = SampleToken(logits, asking.At(0), scratch).status();
  for (size_t i = 0; i < logits.size(); ++i) {
    REQUIRE((logits[i] == before[i] || std::isnan(before[i])));
  }
  return status;
}

// The distribution from which a token is drawn, by the definitions alone.
std::vector<double> SlowDistribution(const std::vector<float>& row, const Asking& asking) {
  const SamplingParams& params = asking.params;
  std::vector<double> logits(row.begin(), row.end());
  for (const auto& [token, bias] : params.logit_bias) logits[token] += bias;
  for (TokenId token : asking.forbidden) logits[token] = -kInfinity;
  std::map<TokenId, int> seen;
  std::map<TokenId, int> made;
  for (TokenId token : asking.prompt) ++seen[token];
  for (TokenId token : asking.output) ++seen[token], ++made[token];
  for (auto [token, times] : seen) {
    logits[token] = logits[token] > 0 ? logits[token] / params.repetition_penalty
                                      : logits[token] * params.repetition_penalty;
  }
  for (auto [token, times] : made) {
    logits[token] -= params.frequency_penalty * times + params.presence_penalty;
  }
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  std::vector<double> share(logits.size(), 0);
  if (params.temperature < kTemperatureMin) {
    share[order[0]] = 1;
    return share;
  }
  for (double& logit : logits) logit /= params.temperature;
  const double best = logits[order[0]];
  size_t kept = order.size();
  if (params.top_k > 0) kept = std::min(kept, static_cast<size_t>(params.top_k));
  double total = 0;
  for (size_t i = 0; i < kept; ++i) total += std::exp(logits[order[i]] - best);
  double mass = 0;
  size_t nucleus = 0;
  while (nucleus < kept && mass < params.top_p * total) {
    mass += std::exp(logits[order[nucleus++]] - best);
  }
  if (params.top_p < 1) kept = nucleus;
  total = 0;
  for (size_t i = 0; i < kept; ++i) {
    const double weight = std::exp(logits[order[i]] - best);
    if (weight >= params.min_p) total += share[order[i]] = weight;
  }
  for (double& part : share) part /= total;
  return share;
}

// Draws at many positions and compares the counts with the slow model. The bound is about five
// standard deviations of chi-square; seeds are fixed, so the test is too.
void CheckDistribution(std::vector<float> logits, const Asking& asking) {
  const std::vector<double> share = SlowDistribution(logits, asking);
  constexpr uint32_t kDraws = 5000;
  std::vector<double> counts(logits.size(), 0);
  SamplerScratch scratch;
  for (uint32_t position = 0; position < kDraws; ++position) {
    auto sampled = SampleToken(logits, asking.At(position), scratch);
    if (!sampled.ok()) FAIL(sampled.status());
    ++counts[sampled->token];
  }
  double chi_square = 0;
  double cells = 0;
  double rare_expected = 0;
  double rare_count = 0;
  for (size_t i = 0; i < share.size(); ++i) {
    if (share[i] == 0 && counts[i] != 0) FAIL("token " << i << " must never be drawn");
    const double expected = share[i] * kDraws;
    if (expected < 5) {
      rare_expected += expected;
      rare_count += counts[i];
      continue;
    }
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
    ++cells;
  }
  if (rare_expected >= 5) {
    chi_square += (rare_count - rare_expected) * (rare_count - rare_expected) / rare_expected;
    ++cells;
  }
  const double freedom = std::max(cells - 1, 1.0);
  INFO("chi-square " << chi_square << " with " << freedom << " degrees of freedom");
  REQUIRE(chi_square < freedom + 5 * std::sqrt(2 * freedom) + 5);
}

TEST_CASE("greedy takes the lowest id among equals, wherever it lies") {
  for (size_t size : {1u, 2u, 15u, 16u, 17u, 255u, 256u, 257u, 1000u, 5000u}) {
    Prng prng(size);
    for (int round = 0; round < 20; ++round) {
      std::vector<float> logits = RandomLogits(prng.Next(), size);
      const float top = *std::max_element(logits.begin(), logits.end()) + 1;
      size_t lowest = size;
      for (int tie = 0; tie < 3; ++tie) {
        const size_t at = prng.Below(size);
        logits[at] = top;
        lowest = std::min(lowest, at);
      }
      Asking asking;
      asking.params.temperature = 0;
      REQUIRE(Sample(logits, asking).token == static_cast<TokenId>(lowest));
    }
  }
}

TEST_CASE("greedy takes the best of rows that are all equal, all negative, or partly forbidden") {
  Asking asking;
  asking.params.temperature = 0;
  std::vector<float> equal(600, -2.5f);
  REQUIRE(Sample(equal, asking).token == 0);
  equal[0] = equal[1] = -kInfinity;
  REQUIRE(Sample(equal, asking).token == 2);
  asking.forbidden = {2, 3};
  REQUIRE(Sample(equal, asking).token == 4);
  REQUIRE(equal[2] == -2.5f);
}

TEST_CASE("a draw depends on seed and position alone") {
  std::vector<float> logits = RandomLogits(1, 3000);
  for (double top_p : {1.0, 0.9}) {
    Asking asking;
    asking.params.top_p = top_p;
    asking.params.seed = 7;
    SamplerScratch warm;
    std::vector<TokenId> first;
    for (uint32_t position = 0; position < 50; ++position) {
      first.push_back(SampleToken(logits, asking.At(position), warm)->token);
    }
    for (uint32_t position = 50; position-- > 0;) {
      REQUIRE(Sample(logits, asking, position).token == first[position]);
    }
    asking.params.seed = 8;
    size_t same = 0;
    for (uint32_t position = 0; position < 50; ++position) {
      same += Sample(logits, asking, position).token == first[position];
    }
    REQUIRE(same < 20);
  }
}

TEST_CASE("draws follow the distribution that the parameters define") {
  uint64_t seed = 0;
  for (size_t size : {5u, 40u, 700u}) {
    for (double temperature : {0.3, 1.0, 1.7}) {
      for (int32_t top_k : {0, 3, 25}) {
        for (double top_p : {1.0, 0.8, 0.999}) {
          for (double min_p : {0.0, 0.05}) {
            Asking asking;
            asking.params = {.temperature = temperature,
                             .top_k = top_k,
                             .top_p = top_p,
                             .min_p = min_p,
                             .seed = ++seed};
            INFO("size " << size << " temperature " << temperature << " top_k " << top_k
                         << " top_p " << top_p << " min_p " << min_p);
            CheckDistribution(RandomLogits(seed, size, 2), asking);
          }
        }
      }
    }
  }
}

TEST_CASE("draws follow the distribution after bias, bans and penalties") {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Prng prng(seed);
    Asking asking;
    asking.params.seed = seed;
    asking.params.repetition_penalty = 0.7 + prng.Uniform();
    asking.params.presence_penalty = prng.Uniform() * 3 - 1.5;
    asking.params.frequency_penalty = prng.Uniform() * 2 - 1;
    const auto token = [&] { return static_cast<TokenId>(prng.Below(60)); };
    for (int i = 0; i < 30; ++i) asking.prompt.push_back(token());
    for (int i = 0; i < 20; ++i) asking.output.push_back(token());
    for (int i = 0; i < 4; ++i) asking.forbidden.push_back(token());
    asking.params.logit_bias = {{token(), 2.0f}, {token(), -3.0f}};
    CheckDistribution(RandomLogits(seed, 60, 1.5), asking);
  }
}

TEST_CASE("penalties follow the published formulas and leave the row as it was") {
  std::vector<float> logits = {2.0f, -1.0f, 0.5f, 3.0f, 0.0f};
  const std::vector<float> before = logits;
  Asking asking;
  asking.params.temperature = 0;
  asking.prompt = {3, 3, 1};
  asking.params.repetition_penalty = 2;  // 3.0 / 2 = 1.5 < 2.0; the prompt counts once
  REQUIRE(Sample(logits, asking).token == 0);
  asking.prompt = {};
  asking.params.repetition_penalty = 1;
  asking.output = {3, 3, 0};
  asking.params.frequency_penalty = 1;  // 3 - 2 = 1, 2 - 1 = 1: the lower id
  REQUIRE(Sample(logits, asking).token == 0);
  asking.params.frequency_penalty = 0;
  asking.params.presence_penalty = 2;  // 1, 0, 0.5 is less
  REQUIRE(Sample(logits, asking).token == 3);
  asking.output = {3};
  REQUIRE(Sample(logits, asking).token == 0);
  REQUIRE(logits == before);
}

TEST_CASE("a bias of 100 forces a token and one of -100 rules it out") {
  std::vector<float> logits = RandomLogits(3, 2000);
  Asking asking;
  asking.params.logit_bias = {{1234, 100.0f}};
  for (uint32_t position = 0; position < 50; ++position) {
    REQUIRE(Sample(logits, asking, position).token == 1234);
  }
  asking.params.temperature = 0;
  asking.params.logit_bias.clear();
  const TokenId best = Sample(logits, asking).token;
  asking.params.logit_bias = {{best, -100.0f}};
  REQUIRE(Sample(logits, asking).token != best);
}

TEST_CASE("top_k of one, a tiny top_p and min_p of one are all greedy") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    std::vector<float> logits = RandomLogits(seed, 1 + seed * 37);
    Asking greedy;
    greedy.params.temperature = 0;
    const TokenId best = Sample(logits, greedy).token;
    Asking top_k, top_p, min_p, cold;
    top_k.params.top_k = 1;
    top_p.params.top_p = 1e-9;
    min_p.params.min_p = 1;
    cold.params.temperature = 1e-5;
    for (const Asking& asking : {top_k, top_p, min_p, cold}) {
      REQUIRE(Sample(logits, asking, static_cast<uint32_t>(seed)).token == best);
    }
  }
}

TEST_CASE("min_p of one draws among all that are equally best") {
  std::vector<float> logits(900, 1.0f);
  logits[10] = logits[500] = logits[899] = 4.0f;
  Asking asking;
  asking.params.min_p = 1;
  std::map<TokenId, int> drawn;
  for (uint32_t position = 0; position < 300; ++position)
    ++drawn[Sample(logits, asking, position).token];
  REQUIRE(drawn.size() == 3);
  REQUIRE((drawn.count(10) && drawn.count(500) && drawn.count(899)));
}

TEST_CASE("top_k keeps exactly k, the lower ids among equals") {
  std::vector<float> logits(3000, 0.0f);
  Asking asking;
  asking.params.top_k = 5;
  std::map<TokenId, int> drawn;
  for (uint32_t position = 0; position < 400; ++position)
    ++drawn[Sample(logits, asking, position).token];
  REQUIRE(drawn.size() == 5);
  REQUIRE(drawn.rbegin()->first == 4);
}

TEST_CASE("a nucleus wider than the first guess is found") {
  std::vector<float> logits(20000, 0.0f);  // flat: half of the vocabulary
  Asking asking;
  asking.params.top_p = 0.5;
  TokenId highest = 0;
  for (uint32_t position = 0; position < 300; ++position) {
    highest = std::max(highest, Sample(logits, asking, position).token);
  }
  REQUIRE(highest < 10000);
  REQUIRE(highest > 9500);
}

TEST_CASE("log-probabilities are the model's own, whatever the parameters, and add up to one") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<float> logits = RandomLogits(seed, 20);
    double sum = 0;
    for (float logit : logits) sum += std::exp(static_cast<double>(logit));
    Asking asking;
    asking.params.top_logprobs = 20;
    asking.params.temperature = 0.5;
    asking.params.top_k = 3;
    asking.params.presence_penalty = 1;
    asking.output = {1, 2, 3};
    asking.params.logit_bias = {{4, 5.0f}, {4, 1.0f}};
    const SampledToken sampled = Sample(logits, asking, static_cast<uint32_t>(seed));
    REQUIRE(sampled.top_logprobs.size() == 20);
    REQUIRE(sampled.logprob == Approx(logits[sampled.token] - std::log(sum)).margin(1e-5));
    double total = 0;
    for (size_t i = 0; i < sampled.top_logprobs.size(); ++i) {
      const TokenLogprob& top = sampled.top_logprobs[i];
      REQUIRE(top.logprob == Approx(logits[top.token] - std::log(sum)).margin(1e-5));
      if (i > 0) REQUIRE(top.logprob <= sampled.top_logprobs[i - 1].logprob);
      total += std::exp(static_cast<double>(top.logprob));
    }
    REQUIRE(total == Approx(1).margin(1e-5));
  }
}

TEST_CASE("zero top_logprobs gives the chosen token's alone, minus one gives none") {
  std::vector<float> logits = {0.0f, 1.0f};
  Asking asking;
  asking.params.temperature = 0;
  REQUIRE(Sample(logits, asking).logprob == 0);
  asking.params.top_logprobs = 0;
  const SampledToken sampled = Sample(logits, asking);
  REQUIRE(sampled.logprob == Approx(-std::log1p(std::exp(-1.0))).margin(1e-6));
  REQUIRE(sampled.top_logprobs.empty());
}

TEST_CASE("a vocabulary of 262,144 is drawn from correctly") {
  std::vector<float> logits = RandomLogits(5, 262144, 2);
  Asking asking;
  asking.params.top_logprobs = 20;
  asking.params.seed = 3;
  for (int32_t top_k : {0, 50}) {
    for (double top_p : {1.0, 0.95}) {
      for (double min_p : {0.0, 0.02}) {
        asking.params.top_k = top_k;
        asking.params.top_p = top_p;
        asking.params.min_p = min_p;
        const std::vector<double> share = SlowDistribution(logits, asking);
        for (uint32_t position = 0; position < 5; ++position) {
          const SampledToken sampled = Sample(logits, asking, position);
          REQUIRE(share[sampled.token] > 0);
          for (size_t i = 1; i < 20; ++i) {
            REQUIRE(sampled.top_logprobs[i - 1].logprob >= sampled.top_logprobs[i].logprob);
          }
        }
      }
    }
  }
}

TEST_CASE("draws are the same on every machine and in every release") {
  std::vector<float> logits = RandomLogits(11, 5000, 2);
  Asking asking;
  asking.params.seed = 42;
  std::vector<TokenId> drawn;
  for (uint32_t position = 0; position < 8; ++position) {
    drawn.push_back(Sample(logits, asking, position).token);
  }
  REQUIRE(drawn == std::vector<TokenId>{1723, 3814, 2240, 4864, 4733, 1233, 3140, 1381});
}

TEST_CASE("NaN and infinity among the logits are reported with their place") {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity}) {
    for (size_t at : {0u, 7u, 256u, 998u, 999u}) {
      std::vector<float> logits = RandomLogits(1, 1000);
      logits[at] = bad;
      const absl::Status status = Refusal(logits, {});
      REQUIRE(status.code() == absl::StatusCode::kDataLoss);
      REQUIRE(std::string(status.message()).find("token " + std::to_string(at)) !=
              std::string::npos);
    }
  }
}

TEST_CASE("a row with nothing left to choose is refused") {
  Asking asking;
  asking.forbidden = {0, 1};
  REQUIRE(Refusal({1, 2}, asking).code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(Refusal({}, {}).code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(Refusal({-kInfinity}, {}).code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("tokens outside the vocabulary and parameters out of range are refused") {
  const std::vector<float> logits = {1, 2, 3};
  std::vector<Asking> wrong(14);
  wrong[0].params.logit_bias = {{3, 1.0f}};
  wrong[1].forbidden = {-1};
  wrong[2].prompt = {0, 99};
  wrong[2].params.repetition_penalty = 1.5;
  wrong[3].output = {0, 0, 99};
  wrong[3].params.presence_penalty = 1;
  wrong[4].params.temperature = -1;
  wrong[5].params.temperature = std::nan("");
  wrong[6].params.top_p = 0;
  wrong[7].params.min_p = 1.5;
  wrong[8].params.repetition_penalty = 0;
  wrong[9].params.presence_penalty = 3;
  wrong[10].params.frequency_penalty = std::nan("");
  wrong[11].params.top_logprobs = 21;
  wrong[12].params.top_k = -2;
  wrong[13].params.logit_bias = {{1, std::nanf("")}};
  for (size_t i = 0; i < wrong.size(); ++i) {
    INFO("case " << i);
    REQUIRE(Refusal(logits, wrong[i]).code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a refused call leaves nothing behind in the scratch") {
  std::vector<float> logits = {1, 2, 3};
  SamplerScratch scratch;
  Asking bad;
  bad.params.presence_penalty = 1;
  bad.output = {2, 2, 99};
  REQUIRE_FALSE(SampleToken(logits, bad.At(0), scratch).ok());
  Asking good;
  good.params.temperature = 0;
  good.params.frequency_penalty = 0.4;
  good.output = {2, 2};  // 3 - 0.8 is still the best
  REQUIRE(SampleToken(logits, good.At(0), scratch)->token == 2);
}

}  // namespace
}  // namespace cairn
