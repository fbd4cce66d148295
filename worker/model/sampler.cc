#include "worker/model/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr size_t kNucleusGuess = 64;  // tokens that hold top_p of the mass in most draws

absl::Status OutOfRange(absl::string_view name, double value, absl::string_view range) {
  return absl::InvalidArgumentError(
      absl::StrCat("sampling: ", name, " is ", value, ", must be ", range));
}

// Written so that a NaN fails each of them.
absl::Status CheckParams(const SamplingParams& params) {
  if (!(params.temperature >= 0 && params.temperature <= 1e6)) {
    return OutOfRange("temperature", params.temperature, "in [0, 1e6]");
  }
  if (!(params.top_k >= 0)) return OutOfRange("top_k", params.top_k, "0 (off) or more");
  if (!(params.top_p > 0 && params.top_p <= 1)) {
    return OutOfRange("top_p", params.top_p, "in (0, 1]");
  }
  if (!(params.min_p >= 0 && params.min_p <= 1)) {
    return OutOfRange("min_p", params.min_p, "in [0, 1]");
  }
  if (!(params.repetition_penalty > 0 && params.repetition_penalty <= 1e6)) {
    return OutOfRange("repetition_penalty", params.repetition_penalty, "in (0, 1e6]");
  }
  if (!(std::abs(params.presence_penalty) <= 2)) {
    return OutOfRange("presence_penalty", params.presence_penalty, "in [-2, 2]");
  }
  if (!(std::abs(params.frequency_penalty) <= 2)) {
    return OutOfRange("frequency_penalty", params.frequency_penalty, "in [-2, 2]");
  }
  if (params.logit_bias.size() > SamplingParams::kLogitBiasMax) {
    return OutOfRange("number of logit_bias entries", static_cast<double>(params.logit_bias.size()),
                      absl::StrCat("at most ", SamplingParams::kLogitBiasMax));
  }
  if (params.top_logprobs > SamplingParams::kTopLogprobsMax) {
    return OutOfRange("top_logprobs", params.top_logprobs,
                      absl::StrCat("at most ", SamplingParams::kTopLogprobsMax));
  }
  return absl::OkStatus();
}

}  // namespace

// One call of SampleToken. The lifecycle: Choose, then PutBack on every path.
class TokenDraw {
 public:
  TokenDraw(std::span<float> logits, const SampleRequest& request, SamplerScratch& scratch)
      : logits_(logits), request_(request), params_(*request.params), scratch_(scratch) {}

  absl::StatusOr<SampledToken> Choose() {
    if (absl::Status status = CheckParams(params_); !status.ok()) return status;
    if (absl::Status status = Look(); !status.ok()) return status;
    SampledToken sampled;
    double log_sum = 0;
    if (params_.top_logprobs >= 0) {
      log_sum = LogSum();
      sampled.top_logprobs = TopLogprobs(log_sum);
    }
    if (absl::Status status = Adjust(); !status.ok()) return status;
    if (!scratch_.changes_.empty()) {
      if (absl::Status status = Look(); !status.ok()) return status;
    }
    if (scratch_.peaks_.max == kMinusInfinity) {
      return absl::FailedPreconditionError("sampling: every token is forbidden");
    }
    sampled.token = params_.temperature < kTemperatureMin
                        ? static_cast<TokenId>(FirstOfPeak(logits_, scratch_.peaks_))
                        : Draw();
    if (params_.top_logprobs >= 0) {
      sampled.logprob = static_cast<float>(RawLogit(sampled.token) - log_sum);
    }
    return sampled;
  }

  void PutBack() {
    // Backwards: where a token was changed twice, the first value wins.
    for (size_t i = scratch_.changes_.size(); i-- > 0;) {
      const SamplerScratch::Change& change = scratch_.changes_[i];
      logits_[static_cast<size_t>(change.token)] = change.before;
    }
    scratch_.changes_.clear();
    for (TokenId token : request_.output) {
      if (IsKnown(token) && scratch_.counts_.size() == logits_.size()) {
        scratch_.counts_[static_cast<size_t>(token)] = 0;
      }
    }
  }

 private:
  bool IsKnown(TokenId token) const {
    return token >= 0 && static_cast<size_t>(token) < logits_.size();
  }

  absl::Status CheckKnown(TokenId token, absl::string_view where) const {
    if (IsKnown(token)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("sampling: ", where, " names token ", token,
                                                   "; the vocabulary has ", logits_.size()));
  }

  absl::Status Look() {
    ScanPeaks(logits_, scratch_.peaks_);
    if (!scratch_.peaks_.has_nan && scratch_.peaks_.max < std::numeric_limits<float>::infinity()) {
      return absl::OkStatus();
    }
    const auto broken = std::ranges::find_if(
        logits_, [](float x) { return std::isnan(x) || (std::isinf(x) && x > 0); });
    return absl::DataLossError(
        absl::StrCat("sampling: the logit of token ", broken - logits_.begin(), " is ", *broken));
  }

  void Change(TokenId token, float value) {
    float& logit = logits_[static_cast<size_t>(token)];
    scratch_.changes_.push_back({token, logit});
    logit = value;
  }

  absl::Status Adjust() {
    for (const auto& [token, bias] : params_.logit_bias) {
      if (absl::Status status = CheckKnown(token, "logit_bias"); !status.ok()) return status;
      if (!std::isfinite(bias)) return OutOfRange("logit_bias", bias, "finite");
      Change(token, logits_[static_cast<size_t>(token)] + bias);
    }
    for (TokenId token : request_.forbidden) {
      if (absl::Status status = CheckKnown(token, "forbidden"); !status.ok()) return status;
      Change(token, kMinusInfinity);
    }
    return Penalise();
  }

  absl::Status Penalise() {
    const double repetition = params_.repetition_penalty;
    const bool output_counts = params_.presence_penalty != 0 || params_.frequency_penalty != 0;
    if (repetition == 1 && !output_counts) return absl::OkStatus();
    scratch_.counts_.resize(logits_.size(), 0);
    // A token is penalised at its first sight: a count above zero says that it was seen. The prompt
    // is marked with the topmost bit, and its marks are taken off before the end.
    constexpr uint32_t kSeen = 1u << 31;
    std::vector<uint32_t>& counts = scratch_.counts_;
    absl::Status status = absl::OkStatus();
    const auto repeat = [&](TokenId token, absl::string_view where) {
      if (status = CheckKnown(token, where); !status.ok()) return false;
      uint32_t& count = counts[static_cast<size_t>(token)];
      if ((count & kSeen) == 0 && repetition != 1) {
        const float logit = logits_[static_cast<size_t>(token)];
        Change(token, static_cast<float>(logit > 0 ? logit / repetition : logit * repetition));
      }
      count |= kSeen;
      return true;
    };
    size_t prompt_seen = 0;
    while (repetition != 1 && prompt_seen < request_.prompt.size() &&
           repeat(request_.prompt[prompt_seen], "the prompt")) {
      ++prompt_seen;
    }
    for (size_t i = 0; status.ok() && i < request_.output.size(); ++i) {
      if (repeat(request_.output[i], "the output"))
        ++counts[static_cast<size_t>(request_.output[i])];
    }
    for (size_t i = 0; i < prompt_seen; ++i) {
      counts[static_cast<size_t>(request_.prompt[i])] &= ~kSeen;
    }
    if (status.ok() && output_counts) PenaliseOutput(kSeen);
    return status;
  }

  void PenaliseOutput(uint32_t seen_bit) {
    for (TokenId token : request_.output) {
      uint32_t& count = scratch_.counts_[static_cast<size_t>(token)];
      const uint32_t times = count & ~seen_bit;
      if (times == 0) continue;  // this token had its turn
      count = 0;
      const double lower = params_.frequency_penalty * times + params_.presence_penalty;
      Change(token, static_cast<float>(logits_[static_cast<size_t>(token)] - lower));
    }
  }

  double LogSum() {
    SumWeights(logits_, scratch_.peaks_.max, 1.0f, {}, scratch_.run_sums_);
    return scratch_.peaks_.max + std::log(Total());
  }

  double Total() const {
    double total = 0;
    for (double sum : scratch_.run_sums_) total += sum;
    return total;
  }

  std::vector<TokenLogprob> TopLogprobs(double log_sum) {
    SelectLargest(logits_, scratch_.peaks_, static_cast<size_t>(params_.top_logprobs),
                  scratch_.candidates_);
    std::vector<TokenLogprob> top;
    for (const LogitEntry& entry : scratch_.candidates_) {
      top.push_back({entry.token, static_cast<float>(entry.logit - log_sum)});
    }
    return top;
  }

  // The logit as the model gave it.
  double RawLogit(TokenId token) const {
    for (const SamplerScratch::Change& change : scratch_.changes_) {
      if (change.token == token) return change.before;
    }
    return logits_[static_cast<size_t>(token)];
  }

  // Likelihoods of the candidates relative to the most likely token, which has 1. Returns their
  // sum.
  double WeighCandidates() {
    std::vector<double>& weights = scratch_.candidate_weights_;
    weights.clear();
    double total = 0;
    for (const LogitEntry& entry : scratch_.candidates_) {
      const double distance = static_cast<double>(entry.logit) - scratch_.peaks_.max;
      weights.push_back(std::exp(distance / params_.temperature));
      total += weights.back();
    }
    return total;
  }

  TokenId Draw() {
    const bool narrows_k = params_.top_k > 0 && static_cast<size_t>(params_.top_k) < logits_.size();
    if (narrows_k) {
      SelectLargest(logits_, scratch_.peaks_, static_cast<size_t>(params_.top_k),
                    scratch_.candidates_);
      KeepTopP(WeighCandidates());
      return DrawCandidate();
    }
    if (params_.top_p < 1) {
      SumWeights(logits_, scratch_.peaks_.max, Scale(), {}, scratch_.run_sums_);
      const double total = Total();
      // The nucleus is small as a rule.
      SelectLargest(logits_, scratch_.peaks_, kNucleusGuess, scratch_.candidates_);
      WeighCandidates();
      return KeepTopP(total) ? DrawCandidate() : DrawAny();
    }
    if (params_.min_p > 0) {
      // A hair lower than the bound: DrawCandidate decides with full precision.
      const double floor = scratch_.peaks_.max + params_.temperature * std::log(params_.min_p);
      GatherAbove(logits_, scratch_.peaks_,
                  std::nextafter(static_cast<float>(floor), kMinusInfinity), scratch_.candidates_);
      WeighCandidates();
      return DrawCandidate();
    }
    return DrawAny();
  }

  // Shortens the sorted candidates to the fewest that hold top_p of `total`. False if all of them
  // together hold less.
  bool KeepTopP(double total) {
    double mass = 0;
    for (size_t i = 0; i < scratch_.candidates_.size(); ++i) {
      mass += scratch_.candidate_weights_[i];
      if (mass >= params_.top_p * total) {
        scratch_.candidates_.resize(i + 1);
        scratch_.candidate_weights_.resize(i + 1);
        return true;
      }
    }
    return false;
  }

  float Scale() const { return static_cast<float>(1 / params_.temperature); }

  // Draws from the candidates that pass min_p, in their order.
  TokenId DrawCandidate() {
    const std::vector<double>& weights = scratch_.candidate_weights_;
    double total = 0;
    for (double weight : weights) total += weight >= params_.min_p ? weight : 0;
    const double target = UniformAt(request_.seed, request_.position) * total;
    double mass = 0;
    TokenId last = -1;
    for (size_t i = 0; i < weights.size() && mass <= target; ++i) {
      if (weights[i] < params_.min_p) continue;
      last = scratch_.candidates_[i].token;
      mass += weights[i];
    }
    CAIRN_CHECK(last >= 0);  // the most likely token weighs 1 and passes every filter
    return last;
  }

  // Draws from the whole vocabulary, or all that top_p and min_p leave of it, in id order: first
  // the run, then the token in it.
  TokenId DrawAny() {
    scratch_.weights_.resize(logits_.size());
    SumWeights(logits_, scratch_.peaks_.max, Scale(), scratch_.weights_, scratch_.run_sums_);
    if (params_.top_p < 1) {
      KeepLargestShare(scratch_.weights_, params_.top_p, Total());
      KeepAbove(scratch_.weights_, static_cast<float>(params_.min_p));
      SumRuns(scratch_.weights_, scratch_.run_sums_);
    }
    const double target = UniformAt(request_.seed, request_.position) * Total();
    double mass = 0;
    size_t run = 0;
    size_t last_run = 0;
    for (; run < scratch_.run_sums_.size(); ++run) {
      if (scratch_.run_sums_[run] > 0) last_run = run;
      if (mass + scratch_.run_sums_[run] > target) break;
      mass += scratch_.run_sums_[run];
    }
    const size_t first = last_run * kLogitRun;
    const size_t end = std::min(first + kLogitRun, logits_.size());
    TokenId last = -1;
    for (size_t i = first; i < end; ++i) {
      if (scratch_.weights_[i] <= 0) continue;
      last = static_cast<TokenId>(i);
      mass += scratch_.weights_[i];
      if (mass > target) break;
    }
    CAIRN_CHECK(last >= 0);
    return last;
  }

  std::span<float> logits_;
  const SampleRequest& request_;
  const SamplingParams& params_;
  SamplerScratch& scratch_;
};

absl::StatusOr<SampledToken> SampleToken(std::span<float> logits, const SampleRequest& request,
                                         SamplerScratch& scratch) {
  CAIRN_CHECK(request.params != nullptr);
  if (logits.empty()) return absl::FailedPreconditionError("sampling: there are no logits");
  TokenDraw draw(logits, request, scratch);
  absl::StatusOr<SampledToken> sampled = draw.Choose();
  draw.PutBack();
  return sampled;
}

}  // namespace cairn
