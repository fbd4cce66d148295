#include "tests/sim/double/fingerprint_engine.h"

#include <algorithm>
#include <utility>

#include "kvstore/base/prng.h"
#include "tests/sim/double/fingerprint.h"

namespace cairn::sim {

uint64_t& FingerprintEngine::Word(const StepSpan& span, uint32_t position) {
  const uint32_t block_tokens = memory_.block_tokens();
  return memory_.At(Tier::kDevice, span.table[position / block_tokens])[position % block_tokens];
}

StepResult FingerprintEngine::Run(const StepPlan& plan) {
  for (const BlockCopy& copy : plan.copies) {
    std::ranges::copy(memory_.At(Tier::kDevice, copy.from),
                      memory_.At(Tier::kDevice, copy.to).begin());
  }
  StepResult result;
  for (const StepSpan& span : plan.spans) {
    const uint32_t end = span.first_position + static_cast<uint32_t>(span.tokens.size());
    const uint32_t block_tokens = memory_.block_tokens();
    Demand(!span.tokens.empty(), "plan_shape", span.sequence, " has no tokens");
    Demand(span.table.size() == (end + block_tokens - 1) / block_tokens, "plan_shape",
           span.sequence, " has ", span.table.size(), " blocks for ", end, " positions");
    Fingerprint read;
    for (uint32_t p = 0; p < span.first_position; ++p) read.Read(Word(span, p));
    for (uint32_t p = span.first_position; p < end; ++p) {
      uint64_t& word = Word(span, p);
      word = read.WordOf(span.tokens[p - span.first_position]);
      read.Read(word);
    }
    SpanSamples samples;
    for (const SampleRequest& sample : span.samples) {
      const TokenId token = read.Next(sample.seed, sample.position, sample.forbidden, vocabulary_);
      samples.push_back({.token = token, .logprob = 0, .top_logprobs = {}});
    }
    result.samples.push_back(std::move(samples));
  }
  return result;
}

void FingerprintEngine::Wreck(const StepPlan& plan, uint64_t seed) {
  Prng prng(seed);
  for (const BlockCopy& copy : plan.copies) {
    for (uint64_t& word : memory_.At(Tier::kDevice, copy.to)) word = prng.Next();
  }
  for (const StepSpan& span : plan.spans) {
    for (uint32_t i = 0; i < span.tokens.size(); ++i) {
      Word(span, span.first_position + i) = prng.Next();
    }
  }
}

}  // namespace cairn::sim
