// Our own traces: what a running scheduler saw, without a word of it. One JSON object a line; the
// first says what the file is, each other is one request:
//   {"cairn_trace": 1, "block_tokens": 16}
//   {"arrival_ns": 0, "input_tokens": 40, "output_tokens": 7, "blocks": "00c0ffee00c0ffee...",
//    "session": 3}
// `blocks` holds the first 16 hexadecimal digits of the key of each block of the prompt, in order
// and without anything between them; the last block may be partial. Where a request waited for
// another of its session: "turn", "previous" (the turn it waited for) and "think_ns". With tenants:
// "tenant"; where a latency class was asked for: "class". Lines need not be in order of arrival: a
// request is written when it has ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "scheduler/simulator/line_reader.h"
#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_fields.h"

namespace cairn {

// Line by line, each with its end; the caller writes them. REQUIRES: `request` is one of `trace`'s.
std::string RecordedHead(uint32_t block_tokens);
std::string RecordedLine(const Trace& trace, const TraceRequest& request);
// The same for one that stands in no trace. `previous` is the turn it waited for, `more` fields
// that only other programs read, each with a comma before it.
std::string RecordedLine(const TraceRequest& request, std::optional<uint32_t> previous,
                         std::string_view latency_class, std::string_view more);

// A last line that was cut off, as a crash leaves it, is left out, and `history` says so.
absl::StatusOr<Trace> ReadRecordedTrace(LineReader& lines, const TraceLimits& limits);

}  // namespace cairn
