// What a step of a worker costs, and what moving KV costs, in integer nanoseconds: the same on
// every machine, whatever its floating point.
//
//   prefill of n tokens on c cached     p0 + p1 n + p2 max(n, m)(c + n/2)
//   decode of b sequences, context ctx  d0 + d1 b + d2 ctx                 (ctx: of all sequences)
//   both in one step                    max(d0 + d1 b, p0 + p1 (n + b)) + p2 ... + d2 ctx
//   a step after a pause                as much more as the engine needs to get going again
//   moving bytes in so many calls       l0 calls + bytes / bandwidth
//
// The third is the first two under one roof: weights are read once, so a step takes as long as that
// (d0) or as its matrix products (p1 a token), whichever is longer, and attention comes on top of
// either. m: below so many tokens, attention of a chunk costs no less (measured: 256 on current
// GPUs). Profiles that were published as one sum (t0 + p1 n + d1 b + d2 ctx) are added up instead.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "kvstore/base/time.h"

namespace cairn {

enum class StepMix { kRoofline, kSum };

// What KV travels over between the device and elsewhere.
enum class KvLink { kDram, kSsd, kNetwork, kPeer };
inline constexpr size_t kKvLinks = 4;
constexpr const char* NameOf(KvLink link) {
  constexpr const char* kNames[kKvLinks] = {"dram", "ssd", "network", "peer"};
  return kNames[static_cast<size_t>(link)];
}

struct LinkCost {
  double gigabytes_per_s = 0;  // 0: there is no such link
  double call_us = 0;
};

// A machine with a model on it, as numbers that people write (step_profile.h reads them from
// files).
struct StepProfile {
  std::string name;
  std::string source;  // where the numbers come from, and how good they are
  std::string hardware;
  std::string model;
  uint32_t gpus = 1;

  double prefill_fixed_ms = 0;
  double prefill_token_ms = 0;
  double prefill_pair_ms = 0;
  uint32_t attention_tokens_min = 0;
  double prefill_error_mean = 0;  // relative error of the fit, against what it was fitted to
  double prefill_error_max = 0;

  double decode_fixed_ms = 0;
  double decode_sequence_ms = 0;
  double decode_context_token_ms = 0;
  double decode_error_mean = 0;
  double decode_error_max = 0;

  StepMix mix = StepMix::kRoofline;
  double host_overhead_ms = 0;  // added to every step
  double wake_ms = 0;           // added to a step before which the engine had nothing to do

  uint64_t kv_bytes_per_token = 0;  // of all layers, on all GPUs of the worker
  uint64_t kv_tokens = 0;           // what fits beside the weights
  std::array<LinkCost, kKvLinks> links;
};

// One prompt's part of a step.
struct PrefillChunk {
  uint32_t new_tokens = 0;
  uint64_t cached_tokens = 0;  // whose KV is there: from a cache or from earlier chunks
};

class StepCost {
 public:
  explicit StepCost(const StepProfile& profile);

  // All of them count host_overhead_ms. Nothing to do costs nothing.
  Duration Prefill(uint32_t new_tokens, uint64_t cached_tokens) const;
  Duration Decode(uint32_t sequences, uint64_t context_tokens) const;
  Duration Step(std::span<const PrefillChunk> chunks, uint32_t sequences,
                uint64_t context_tokens) const;

  // What is added to a step that begins so long after the one before it has ended: caches have
  // gone to others, and cores to sleep.
  Duration Wake(Duration idle) const { return idle < kPause ? Duration() : wake_; }
  static constexpr Duration kPause = Milliseconds(20);

  // A link that is not there takes kNever.
  Duration Transfer(KvLink link, uint64_t bytes, uint32_t calls) const;
  // KV of so many tokens, in one call for each `tokens_per_call` of them.
  Duration TransferTokens(KvLink link, uint64_t tokens, uint32_t tokens_per_call) const;
  static constexpr Duration kNever = Seconds(1'000'000'000);

  uint64_t kv_bytes_per_token() const { return kv_bytes_per_token_; }
  uint64_t kv_tokens() const { return kv_tokens_; }
  const std::string& name() const { return name_; }

 private:
  // Attoseconds (1e-18 s): p2 is about 8e5 of them, and a million tokens on a million stay exact.
  using Wide = __int128;

  Duration Rounded(Wide attoseconds) const;

  std::string name_;
  Wide prefill_fixed_;
  Wide prefill_token_;
  Wide prefill_half_pair_;
  uint64_t attention_tokens_min_;
  Wide decode_fixed_;
  Wide decode_sequence_;
  Wide decode_context_token_;
  Wide host_overhead_;
  Duration wake_;
  StepMix mix_;
  uint64_t kv_bytes_per_token_;
  uint64_t kv_tokens_;
  struct Link {
    Wide byte = 0;
    Wide call = 0;
  };
  std::array<Link, kKvLinks> links_;
};

}  // namespace cairn
