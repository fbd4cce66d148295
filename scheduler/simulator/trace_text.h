// What the requests of a trace say, token by token, though a trace holds no text: tokens are a pure
// function of block ids, so that prompts that begin with the same ids begin with the same tokens
// and get the same keys. What a request generates is what its next turn quotes, so that the next
// turn finds it.
#pragma once

#include <cstdint>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/prng.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

// Token ids are below it: 31 bits, so that different blocks practically never look alike.
inline constexpr uint32_t kTraceVocabulary = 1u << 31;

class TraceText {
 public:
  explicit TraceText(const Trace& trace);  // which outlives this

  std::vector<TokenId> Prompt(uint32_t request) const;
  // The token at a position of prompt or output. O(turns of the session behind it).
  TokenId At(uint32_t request, uint32_t position) const;

  static TokenId TokenOf(uint64_t block, uint32_t offset) {
    return TokenFrom(static_cast<uint32_t>(SplitMix64(block)), offset);
  }

 private:
  static constexpr uint32_t kNone = ~0u;

  static TokenId TokenFrom(uint32_t start, uint32_t offset) {
    return static_cast<TokenId>((start + offset * 0x9e3779b1u) & (kTraceVocabulary - 1));
  }

  uint32_t NamedTokens(uint32_t request) const;  // covered by whole blocks
  bool Quotes(uint32_t next, uint32_t request) const;
  uint64_t OwnBlock(uint32_t request, uint32_t number) const;
  uint64_t BlockAt(uint32_t request, uint32_t number) const;

  const Trace& trace_;
  // By request, kept apart from the trace because every generated token asks.
  std::vector<uint32_t> next_turn_;  // who goes on from it word for word, or kNone
  std::vector<uint32_t> ids_;        // how many blocks of its prompt have an id
};

}  // namespace cairn
