#include "scheduler/simulator/trace_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cairn {

absl::Status TraceBuilder::Add(const LineReader& lines, TraceRequest request) {
  blocks_ += request.blocks.size();
  if (trace_.requests.size() >= limits_.requests_max || blocks_ > limits_.blocks_max) {
    return absl::ResourceExhaustedError(absl::StrCat(
        lines.file(), ":", lines.line_number(), ": over ",
        blocks_ > limits_.blocks_max ? limits_.blocks_max : limits_.requests_max,
        blocks_ > limits_.blocks_max ? " blocks" : " requests", ": cut the trace into several"));
  }
  trace_.requests.push_back(std::move(request));
  return absl::OkStatus();
}

absl::StatusOr<Trace> TraceBuilder::Finish(const LineReader& lines, std::string_view format) && {
  if (trace_.requests.empty()) {
    return absl::InvalidArgumentError(lines.file() + ": no requests in it");
  }
  SortByArrival(trace_);
  if (SpanOf(trace_) > Seconds(limits_.seconds_max)) {
    return absl::InvalidArgumentError(absl::StrCat(lines.file(), ": the last request comes over ",
                                                   limits_.seconds_max, " s after the first"));
  }
  const Duration start = trace_.requests.front().arrival - Instant();
  for (TraceRequest& request : trace_.requests) request.arrival = request.arrival - start;
  trace_.name = FileName(lines.file());
  trace_.history.push_back(absl::StrCat("read ", trace_.name, " (", std::string(format),
                                        ", sha256 ", lines.Digest(), "): ", size(), " requests"));
  return std::move(trace_);
}

std::string FileName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace cairn
