// A made-up workload that is hard on routers, for when no recorded one is at hand: a block that all
// prompts begin with, two hot prefixes of 6 k tokens (21 % and 17 % of requests), 200 agents by
// Zipf's law, and sessions that grow. Blocks of 512 tokens, a request every 150 ms, 182 output
// tokens.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

// Errors: InvalidArgument for no requests or over 5 million.
absl::StatusOr<Trace> MakeSkewedTrace(uint64_t requests, uint64_t seed);

}  // namespace cairn
