// Mooncake's traces (FAST'25, github.com/kvcache-ai/Mooncake): one request a line,
//   {"timestamp": ms, "input_length": tokens, "output_length": tokens, "hash_ids": [block, ...]}
// with blocks of 512 tokens; equal ids mean equal blocks behind equal prefixes. What writes the
// same fields, such as a generator of skewed traces, reads the same way.
#pragma once

#include "absl/status/statusor.h"
#include "scheduler/simulator/line_reader.h"
#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_fields.h"

namespace cairn {

inline constexpr uint32_t kMooncakeBlockTokens = 512;

// Each request is a session of its own: the trace names none.
absl::StatusOr<Trace> ReadMooncakeTrace(LineReader& lines, uint32_t block_tokens,
                                        const TraceLimits& limits);

}  // namespace cairn
