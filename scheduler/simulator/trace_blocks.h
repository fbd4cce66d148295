// Blocks of another size, or by other names.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

// How many block ids a trace may hold after any change: 2 GiB of them.
inline constexpr uint64_t kTraceBlocksMax = uint64_t{1} << 28;

uint64_t BlocksOf(const Trace& trace);

// Blocks of another size. Exact where one size is a multiple of the other; a larger block is shared
// only when all of it is. Errors: InvalidArgument where it is not a multiple, ResourceExhausted
// over 2^28 blocks.
absl::Status Reblock(Trace& trace, uint32_t block_tokens);

// Other names for the same blocks: what is decided by their hashes falls otherwise, what is shared
// stays shared.
void PermuteIds(Trace& trace, uint64_t seed);

}  // namespace cairn
