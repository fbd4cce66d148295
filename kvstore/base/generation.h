// What a client asks for and what comes back, in tokens: the words that scheduler and worker share.
// Text, JSON and protobuf end before this file: adapters convert.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"

namespace cairn {

// How the next token is chosen from the logits. Field meanings and ranges are OpenAI's and vLLM's.
// The order of application: logit bias, min_tokens, repetition / presence / frequency penalties,
// temperature, top-k, top-p, min-p, draw.
struct SamplingParams {
  double temperature = 1.0;         // 0: greedy (the lowest id among equals)
  int32_t top_k = 0;                // 0: off
  double top_p = 1.0;               // (0, 1]
  double min_p = 0.0;               // [0, 1]: keep p >= min_p * p_max
  double repetition_penalty = 1.0;  // > 0, over prompt and output (CTRL, arXiv 1909.05858)
  double presence_penalty = 0.0;    // [-2, 2], over output
  double frequency_penalty = 0.0;   // [-2, 2], over output
  std::vector<std::pair<TokenId, float>> logit_bias;  // at most kLogitBiasMax
  uint64_t seed = 0;  // a draw depends on (seed + choice index, position) alone
  // -1: no log-probabilities. Otherwise of the chosen token, and of this many most likely ones.
  int32_t top_logprobs = -1;

  static constexpr size_t kLogitBiasMax = 1024;
  static constexpr int32_t kTopLogprobsMax = 20;
};

enum class FinishReason : uint8_t {
  kStop,       // a stop token, or a stop string found above the worker
  kLength,     // max_tokens or the model's context
  kCancelled,  // the client went away or asked
  kFailed,     // the engine could not go on; the message says why
  kExpired,    // its deadline passed, or could not be met any more
};

// What a client is promised. Zero: nothing.
struct SloTarget {
  Duration ttft;  // until the first token
  Duration tpot;  // mean time between its tokens
  friend bool operator==(const SloTarget&, const SloTarget&) = default;
};

// When a request of this target that arrives now is due: the earlier goes first where it waits. Who
// has no target is due as late as the laxest.
inline Instant DueOf(const SloTarget& target, Instant arrival) {
  return arrival + (target.ttft == Duration() ? Seconds(600) : target.ttft);
}

// One request as a worker runs it.
struct GenerationRequest {
  RequestId id;
  std::vector<TokenId> prompt;  // at least one token
  uint32_t choices = 1;         // n: how many continuations, sharing the prompt's blocks
  uint32_t max_tokens = 16;     // of each choice
  uint32_t min_tokens = 0;      // stop tokens are not chosen before
  bool ignore_eos = false;
  std::vector<TokenId> stop_tokens;  // end of turn tokens included by whoever builds the request
  SamplingParams sampling;
  std::string cache_salt;  // blocks are shared only among requests with the same salt
  int32_t priority = 0;    // lower runs first (vLLM's order); preempted later
  std::string tenant;
  std::string session;        // the client's name of the conversation; empty: it has none
  std::string latency_class;  // by name; empty: the default one (scheduler/core/slo.h)
  SloTarget slo;              // its own targets; zero: those of its class
  Duration deadline;          // from its arrival; later the answer is of no use. Zero: none
};

struct TokenLogprob {
  TokenId token = 0;
  float logprob = 0;
};

// One token of one choice.
struct SampledToken {
  TokenId token = 0;
  float logprob = 0;                       // only if asked for
  std::vector<TokenLogprob> top_logprobs;  // most likely first
};

// Where the KV of a prompt came from, in tokens. They add up to the prompt's length.
struct PromptUsage {
  uint32_t prompt_tokens = 0;
  uint32_t cached_device_tokens = 0;
  uint32_t cached_dram_tokens = 0;
  uint32_t fetched_tokens = 0;  // from another worker's cache
  uint32_t cached_tokens() const {
    return cached_device_tokens + cached_dram_tokens + fetched_tokens;
  }
};

}  // namespace cairn
