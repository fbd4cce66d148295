// Collects the requests of a trace under limits, whatever the format says it has.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/simulator/line_reader.h"
#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_fields.h"

namespace cairn {

class TraceBuilder {
 public:
  TraceBuilder(const TraceLimits& limits, uint32_t block_tokens) : limits_(limits) {
    trace_.block_tokens = block_tokens;
  }

  uint32_t size() const { return static_cast<uint32_t>(trace_.requests.size()); }

  // Errors: ResourceExhausted with file and line.
  absl::Status Add(const LineReader& lines, TraceRequest request);

  // Requests in order of arrival, the first at 0, and where they were read in `history`. Errors:
  // InvalidArgument for a file without requests, or one whose requests are too far apart.
  absl::StatusOr<Trace> Finish(const LineReader& lines, std::string_view format) &&;

 private:
  TraceLimits limits_;
  Trace trace_;
  uint64_t blocks_ = 0;
};

// What follows the last slash.
std::string FileName(const std::string& path);

}  // namespace cairn
