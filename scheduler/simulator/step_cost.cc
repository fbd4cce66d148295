#include "scheduler/simulator/step_cost.h"

#include <algorithm>
#include <cmath>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

// Profiles are checked where they are read; these are what the arithmetic below can take.
constexpr double kMillisecondsMax = 1e6;

__int128 Attoseconds(double milliseconds) {
  CAIRN_CHECK(milliseconds >= 0 && milliseconds <= kMillisecondsMax);
  // At most 1e21: more than 64 bits, so whole milliseconds and the rest apart.
  const double whole = std::floor(milliseconds);
  const auto rest = static_cast<__int128>(std::llround((milliseconds - whole) * 1e15));
  return static_cast<__int128>(whole) * 1'000'000'000'000'000 + rest;
}

}  // namespace

StepCost::StepCost(const StepProfile& profile)
    : name_(profile.name),
      prefill_fixed_(Attoseconds(profile.prefill_fixed_ms)),
      prefill_token_(Attoseconds(profile.prefill_token_ms)),
      prefill_half_pair_(Attoseconds(profile.prefill_pair_ms / 2)),
      attention_tokens_min_(profile.attention_tokens_min),
      decode_fixed_(Attoseconds(profile.decode_fixed_ms)),
      decode_sequence_(Attoseconds(profile.decode_sequence_ms)),
      decode_context_token_(Attoseconds(profile.decode_context_token_ms)),
      host_overhead_(Attoseconds(profile.host_overhead_ms)),
      wake_(Rounded(Attoseconds(profile.wake_ms))),
      mix_(profile.mix),
      kv_bytes_per_token_(profile.kv_bytes_per_token),
      kv_tokens_(profile.kv_tokens) {
  for (size_t i = 0; i < kKvLinks; ++i) {
    const LinkCost& link = profile.links[i];
    if (!(link.gigabytes_per_s > 0)) continue;
    links_[i].byte = std::max<Wide>(1, Attoseconds(1e-6 / link.gigabytes_per_s));
    links_[i].call = Attoseconds(link.call_us * 1e-3);
  }
}

Duration StepCost::Rounded(Wide attoseconds) const {
  constexpr Wide kPerNanosecond = 1'000'000'000;
  const Wide nanoseconds = (attoseconds + kPerNanosecond / 2) / kPerNanosecond;
  return Nanoseconds(static_cast<int64_t>(std::min<Wide>(nanoseconds, kNever.nanoseconds())));
}

Duration StepCost::Prefill(uint32_t new_tokens, uint64_t cached_tokens) const {
  const PrefillChunk chunk{new_tokens, cached_tokens};
  return Step({&chunk, 1}, 0, 0);
}

Duration StepCost::Decode(uint32_t sequences, uint64_t context_tokens) const {
  return Step({}, sequences, context_tokens);
}

Duration StepCost::Step(std::span<const PrefillChunk> chunks, uint32_t sequences,
                        uint64_t context_tokens) const {
  Wide new_tokens = 0;
  Wide attention = decode_context_token_ * context_tokens;
  for (const PrefillChunk& chunk : chunks) {
    if (chunk.new_tokens == 0) continue;
    new_tokens += chunk.new_tokens;
    const uint64_t rows = std::max<uint64_t>(chunk.new_tokens, attention_tokens_min_);
    attention += prefill_half_pair_ * rows * (2 * Wide{chunk.cached_tokens} + chunk.new_tokens);
  }
  if (new_tokens == 0 && sequences == 0) return Duration();
  const Wide decode = decode_sequence_ * sequences;
  Wide linear = 0;
  if (new_tokens == 0) {
    linear = decode_fixed_ + decode;
  } else if (mix_ == StepMix::kSum) {
    const Wide fixed = sequences == 0 ? prefill_fixed_ : std::max(prefill_fixed_, decode_fixed_);
    linear = fixed + prefill_token_ * new_tokens + decode;
  } else {
    linear = std::max(decode_fixed_ + decode,
                      prefill_fixed_ + prefill_token_ * (new_tokens + sequences));
  }
  return Rounded(linear + attention + host_overhead_);
}

Duration StepCost::Transfer(KvLink link, uint64_t bytes, uint32_t calls) const {
  const Link& over = links_[static_cast<size_t>(link)];
  if (over.byte == 0) return kNever;
  return Rounded(over.byte * bytes + over.call * calls);
}

Duration StepCost::TransferTokens(KvLink link, uint64_t tokens, uint32_t tokens_per_call) const {
  CAIRN_CHECK(tokens_per_call > 0);
  const uint64_t calls = (tokens + tokens_per_call - 1) / tokens_per_call;
  return Transfer(link, tokens * kv_bytes_per_token_,
                  static_cast<uint32_t>(std::min<uint64_t>(calls, UINT32_MAX)));
}

}  // namespace cairn
