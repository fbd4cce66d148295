#include "scheduler/simulator/trace_text.h"

#include <algorithm>

#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"

namespace cairn {

TraceText::TraceText(const Trace& trace) : trace_(trace), next_turn_(trace.requests.size(), kNone) {
  CAIRN_CHECK_GT(trace.block_tokens, 0u);
  ids_.reserve(trace.requests.size());
  for (const TraceRequest& request : trace.requests) {
    // The last, partial block of a prompt has an id of its own too.
    const size_t blocks = request.input_tokens / trace.block_tokens +
                          (request.input_tokens % trace.block_tokens != 0);
    ids_.push_back(static_cast<uint32_t>(std::min(blocks, request.blocks.size())));
  }
  for (uint32_t i = 0; i < trace.requests.size(); ++i) {
    const std::optional<uint32_t> previous = trace.requests[i].previous;
    if (!previous) continue;
    CAIRN_CHECK_LT(*previous, i);
    if (next_turn_[*previous] == kNone && Quotes(i, *previous)) next_turn_[*previous] = i;
  }
}

uint32_t TraceText::NamedTokens(uint32_t request) const {
  const TraceRequest& asked = trace_.requests[request];
  const uint64_t blocks = uint64_t{trace_.block_tokens} * asked.blocks.size();
  const uint32_t whole = asked.input_tokens / trace_.block_tokens * trace_.block_tokens;
  return static_cast<uint32_t>(std::min<uint64_t>(blocks, whole));
}

// Whether `next` begins with all whole blocks of `request`: then it is taken to go on with what
// `request` said and generated.
bool TraceText::Quotes(uint32_t next, uint32_t request) const {
  const std::vector<uint64_t>& from = trace_.requests[request].blocks;
  const std::vector<uint64_t>& to = trace_.requests[next].blocks;
  const uint32_t whole = NamedTokens(request) / trace_.block_tokens;
  return to.size() >= whole && std::equal(from.begin(), from.begin() + whole, to.begin());
}

uint64_t TraceText::OwnBlock(uint32_t request, uint32_t number) const {
  return SplitMix64(~(uint64_t{request} << 32 | number));
}

uint64_t TraceText::BlockAt(uint32_t request, uint32_t number) const {
  const uint64_t first = uint64_t{number} * trace_.block_tokens;
  uint32_t speaker = request;
  while (next_turn_[speaker] != kNone && first >= NamedTokens(speaker)) {
    speaker = next_turn_[speaker];
  }
  if (number < ids_[speaker]) return trace_.requests[speaker].blocks[number];
  return OwnBlock(request, number);
}

std::vector<TokenId> TraceText::Prompt(uint32_t request) const {
  const uint32_t length = trace_.requests[request].input_tokens;
  std::vector<TokenId> tokens(length);
  for (uint32_t begin = 0, number = 0; begin < length; begin += trace_.block_tokens, ++number) {
    const auto start = static_cast<uint32_t>(SplitMix64(BlockAt(request, number)));
    const uint32_t count = std::min(trace_.block_tokens, length - begin);
    TokenId* const block = tokens.data() + begin;
    for (uint32_t i = 0; i < count; ++i) block[i] = TokenFrom(start, i);
  }
  return tokens;
}

TokenId TraceText::At(uint32_t request, uint32_t position) const {
  return TokenOf(BlockAt(request, position / trace_.block_tokens), position % trace_.block_tokens);
}

}  // namespace cairn
