// Any trace that Cairn reads: finds out which format a file has and reads it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "scheduler/simulator/line_reader.h"
#include "scheduler/simulator/mooncake_trace.h"
#include "scheduler/simulator/servegen_trace.h"
#include "scheduler/simulator/session_trace.h"
#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_fields.h"

namespace cairn {

enum class TraceFormat { kMooncake, kSessions, kArrivals, kServeGen, kRecorded };

// "mooncake", "sessions", "arrivals", "servegen", "recorded"
std::string_view NameOf(TraceFormat format);
std::span<const TraceFormat> AllTraceFormats();
// Errors: InvalidArgument that lists the names.
absl::StatusOr<TraceFormat> ParseTraceFormat(std::string_view name);

struct TraceReadOptions {
  std::optional<TraceFormat> format;  // none: found from the first line
  // Where the format does not say: Mooncake's 512, and as much for traces without blocks.
  uint32_t block_tokens = kMooncakeBlockTokens;
  SessionTraceOptions sessions;
  ServeGenOptions servegen;
  TraceLimits limits;
  LineLimits lines;
};

// The second table of a ServeGen trace, asked for once the first is seen to be one. Null is an
// answer: there is none.
using OpenLengths = std::function<absl::StatusOr<std::unique_ptr<ByteSource>>(std::string& name)>;

// Reads a trace from `source`, called `file` in errors. The result passes CheckTrace. Errors: bad
// lines by file, line and field; InvalidArgument for content that is no trace.
absl::StatusOr<Trace> ReadTrace(const std::string& file, ByteSource& source,
                                const TraceReadOptions& options, const OpenLengths& open_lengths);

}  // namespace cairn
