// Reads a trace from a file, gzip or not.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "scheduler/simulator/trace_reader.h"

namespace cairn {

// `lengths` names the second table of a ServeGen trace; when it is empty, a file beside the first
// whose name says "lengths" where the first's says "rates" is taken. Errors: those of ReadTrace,
// and of files that cannot be read.
absl::StatusOr<Trace> ReadTraceFile(const std::string& path, const std::string& lengths,
                                    const TraceReadOptions& options);

}  // namespace cairn
