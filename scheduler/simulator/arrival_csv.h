// Tables of arrivals and lengths: one request a line, columns named in the first line, such as the
// Azure LLM inference traces (TIMESTAMP,ContextTokens,GeneratedTokens) and BurstGPT. They say
// nothing of contents, so no request shares a block with another.
#pragma once

#include "absl/status/statusor.h"
#include "scheduler/simulator/line_reader.h"
#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_fields.h"

namespace cairn {

// Whether a line names a column of arrivals and one of input tokens.
bool IsArrivalHeader(std::string_view line);

// Times are seconds (milliseconds where the column's name ends in "ms") or dates such as
// "2023-11-16 18:15:46.6805900". Lines need not be in order.
absl::StatusOr<Trace> ReadArrivalCsv(LineReader& lines, uint32_t block_tokens,
                                     const TraceLimits& limits);

// Nanoseconds since 1970 of "YYYY-MM-DD HH:MM:SS[.fraction]"; 'T' may stand for the space, and a
// 'Z' or "+00:00" at the end.
std::optional<int64_t> ParseDate(std::string_view text);

}  // namespace cairn
