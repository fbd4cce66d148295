// A workload as the simulator replays it: who asks when, for how much, and which prompts begin
// alike. It holds no text. Readers (trace_reader.h) make one from a file, arrival_shape.h changes
// one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kvstore/base/time.h"

namespace cairn {

// One request. What it shares with others is said by block ids: two prompts that begin with the
// same ids begin with the same tokens. An id stands for its own tokens AND everything before them.
struct TraceRequest {
  // Open loop (no `previous`): when it arrives, counted from the start of the trace.
  // Closed loop (`previous` set): when its session starts; it arrives `think` after `previous`
  // ended.
  Instant arrival;
  Duration think;
  // Index in Trace::requests of the turn that must have ended before; always smaller than its own.
  std::optional<uint32_t> previous;

  uint32_t input_tokens = 1;   // 1 or more
  uint32_t output_tokens = 1;  // 1 or more
  // Ids of the prompt's blocks, Trace::block_tokens tokens each. The last may be partial: block i
  // covers min(block_tokens, input_tokens - i * block_tokens) tokens. Tokens that no block covers
  // (a short tail, or the whole prompt where the trace knows no contents) are the request's own.
  std::vector<uint64_t> blocks;

  uint32_t session = 0;  // requests of one session follow one another
  uint32_t turn = 0;     // 0, 1, ... within its session
  uint32_t tenant = 0;
  uint32_t latency_class = 0;  // 0: the default one; i: Trace::classes[i - 1]

  friend bool operator==(const TraceRequest&, const TraceRequest&) = default;
};

// Requests in order of `arrival`; a request stands behind its `previous`.
struct Trace {
  uint32_t block_tokens = 512;
  std::string name;  // for people: the file's name, or what was mixed
  std::vector<TraceRequest> requests;
  std::vector<std::string> classes;  // names of latency classes
  // Requests that arrive before are replayed, but no result counts them: they warm the caches.
  Instant measured_from;
  // What was done to get here, one line a step, in order: where it was read (with a hash of the
  // bytes), how arrivals were spread, scaled, cut. Printed with every result.
  std::vector<std::string> history;
};

// Empty: the default one.
inline std::string_view ClassOf(const Trace& trace, const TraceRequest& request) {
  if (request.latency_class == 0) return {};
  return trace.classes[request.latency_class - 1];
}

// How many of the prompt's tokens the first `blocks` blocks hold.
inline uint32_t TokensOfBlocks(const Trace& trace, const TraceRequest& request, size_t blocks) {
  return static_cast<uint32_t>(
      std::min<uint64_t>(uint64_t{blocks} * trace.block_tokens, request.input_tokens));
}

// Every sentence above, checked: InvalidArgument names the first request that breaks one.
absl::Status CheckTrace(const Trace& trace);

// Puts requests in order of arrival, those of one instant in the order they had. REQUIRES: no
// request arrives before its `previous`.
void SortByArrival(Trace& trace);

// Keeps the requests that `keep` names by their index, in order. Whoever waited for one that goes
// waits for what that one waited for instead, as much longer as it had thought. REQUIRES:
// keep.size() == requests.size().
void KeepRequests(Trace& trace, const std::vector<bool>& keep);

// From the first arrival to the last. Zero for fewer than two requests.
Duration SpanOf(const Trace& trace);

}  // namespace cairn
