// One token from the logits of one position: the end of a step.
//
//   logits ── bias, forbidden, penalties ── temperature ── top-k ── top-p ── min-p ── draw ── token
//      └─ log-probabilities, if asked for: of the model's own distribution
//
// * A draw depends on (seed, position) and the logits alone; the same on every x86-64 machine
//   (but for the last bit of the C library's exp, where top-k, top-p or min-p narrow the choice).
// * Log-probabilities are those of the unmodified logits, before bias, penalties and temperature:
// what
//   vLLM calls raw_logprobs, its default.
// * Repetition penalty first, then frequency, then presence, as in vLLM. Prompt and output count
// for
//   the first, output alone for the others.
// * Top-k keeps exactly k tokens, the lower ids among equals. Top-p keeps the smallest set of the
// most
//   likely tokens whose share of what top-k left is at least p. Min-p keeps what is at least min_p
//   times as likely as the best one. At least one token always remains.
// * A temperature below kTemperatureMin is greedy: the lowest id among the largest logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/generation.h"
#include "worker/core/step_plan.h"
#include "worker/model/logit_scan.h"

namespace cairn {

inline constexpr double kTemperatureMin = 1e-5;  // vLLM's _SAMPLING_EPS

// Memory that is reused from token to token: about 10 bytes a vocabulary entry once warm. Not
// shared between threads; what is in it between calls means nothing.
class SamplerScratch {
 public:
  struct Change {
    TokenId token;
    float before;  // the logit before its first change
  };

 private:
  friend class TokenDraw;
  LogitPeaks peaks_;
  std::vector<float> weights_;
  std::vector<double> run_sums_;
  std::vector<LogitEntry> candidates_;
  std::vector<double> candidate_weights_;
  std::vector<uint32_t> counts_;  // of tokens in the output; all zero between calls
  std::vector<Change> changes_;
};

// Chooses one token. `logits` holds one entry per vocabulary token; it is changed while working and
// unchanged on return, so the choices of one prompt may be drawn from the same row. An entry of
// -infinity is never chosen.
// InvalidArgument: parameters out of their range, or a token outside the vocabulary.
// DataLoss: a NaN or +infinity among the logits (a broken model or kernel), named by its index.
// FailedPrecondition: nothing left to choose from.
absl::StatusOr<SampledToken> SampleToken(std::span<float> logits, const SampleRequest& request,
                                         SamplerScratch& scratch);

}  // namespace cairn
