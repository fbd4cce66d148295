#include "scheduler/simulator/trace_blocks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

// An id names everything up to its block's end, so the last small block of a large one names it.
void Merge(TraceRequest& request, uint32_t from, uint32_t to) {
  const size_t each = to / from;
  // What the small blocks hold; a large one of which a part is nobody's is not named.
  const uint64_t covered =
      std::min<uint64_t>(uint64_t{request.blocks.size()} * from, request.input_tokens);
  std::vector<uint64_t> merged;
  for (size_t first = 0; first < request.blocks.size(); first += each) {
    const size_t end = std::min(first + each, request.blocks.size());
    if (end - first < each && covered < request.input_tokens) break;
    merged.push_back(request.blocks[end - 1]);
  }
  request.blocks = std::move(merged);
}

// The parts of a block are named after it and their place in it.
void Split(TraceRequest& request, uint32_t from, uint32_t to) {
  const uint64_t covered =
      std::min<uint64_t>(uint64_t{request.blocks.size()} * from, request.input_tokens);
  std::vector<uint64_t> parts;
  parts.reserve(static_cast<size_t>((covered + to - 1) / to));
  for (uint64_t at = 0; at < covered; at += to) {
    parts.push_back(SplitMix64(request.blocks[static_cast<size_t>(at / from)] ^
                               SplitMix64(at % from / to + 1)));
  }
  request.blocks = std::move(parts);
}

}  // namespace

uint64_t BlocksOf(const Trace& trace) {
  uint64_t blocks = 0;
  for (const TraceRequest& request : trace.requests) blocks += request.blocks.size();
  return blocks;
}

absl::Status Reblock(Trace& trace, uint32_t block_tokens) {
  const uint32_t from = trace.block_tokens;
  if (block_tokens == 0 || (block_tokens % from != 0 && from % block_tokens != 0)) {
    return absl::InvalidArgumentError(absl::StrCat(trace.name, ": blocks of ", from,
                                                   " tokens cannot become blocks of ", block_tokens,
                                                   ": neither divides the other"));
  }
  if (block_tokens < from && BlocksOf(trace) > kTraceBlocksMax / (from / block_tokens)) {
    return absl::ResourceExhaustedError(absl::StrCat(trace.name, ": over 2^28 blocks of ",
                                                     block_tokens,
                                                     " tokens: cut the trace or take larger"));
  }
  for (TraceRequest& request : trace.requests) {
    if (block_tokens > from) Merge(request, from, block_tokens);
    if (block_tokens < from) Split(request, from, block_tokens);
  }
  trace.block_tokens = block_tokens;
  trace.history.push_back(absl::StrCat("blocks of ", from, " tokens as blocks of ", block_tokens));
  return absl::OkStatus();
}

void PermuteIds(Trace& trace, uint64_t seed) {
  // SplitMix64 is a permutation of the 64-bit numbers, and so is adding a constant before.
  const uint64_t salt = SplitMix64(SplitMix64(seed) ^ 0x6964);
  for (TraceRequest& request : trace.requests) {
    for (uint64_t& id : request.blocks) id = SplitMix64(id + salt);
  }
  trace.history.push_back(absl::StrCat("block ids permuted (seed ", seed, ")"));
}

}  // namespace cairn
