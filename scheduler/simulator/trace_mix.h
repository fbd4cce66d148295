// Several traces as one, and one trace several times.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

// Several traces as one, each request at the time it had, and nothing shared between traces.
// Tenants and sessions of each stay apart. Errors: InvalidArgument for none, or blocks of different
// sizes.
absl::StatusOr<Trace> MixTraces(std::vector<Trace> traces);

// The trace behind itself until it has `requests` requests: the same shape again with other
// contents, as other people would ask. Errors: ResourceExhausted over 2^28 blocks; InvalidArgument
// for fewer requests than it has or more than 2^32 - 1.
absl::Status RepeatTo(Trace& trace, size_t requests, uint64_t seed);

}  // namespace cairn
