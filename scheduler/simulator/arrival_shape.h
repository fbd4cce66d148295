// What is done to a trace before it is replayed: when its requests come, and which of them. Each
// function changes one thing and says so in Trace::history; ShapeTrace does all that was asked for,
// in one order. All draws come from the seed alone. (What changes blocks: trace_blocks.h; several
// traces, or one several times: trace_mix.h.)
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

// What becomes of arrivals that were recorded in ticks (Mooncake's stand in groups of 3 s):
// replayed literally, each tick is a burst that never was.
enum class TickSpread {
  kDetect,   // kEvenly if most requests share their instant with another, else kLiteral
  kLiteral,  // as recorded
  kEvenly,   // at equal distances over the tick
  kSeeded,   // at random in the tick, in their order
};

// Of open loops; a closed loop stays as it is. A tick reaches to the next instant with arrivals,
// but no further than the usual distance of two.
void SpreadTicks(Trace& trace, TickSpread spread, uint64_t seed);

// `factor` times as fast: arrivals only. A person's pause does not shrink because more people ask.
// Errors: InvalidArgument for a factor that is not above 0 or stretches the trace over a century.
absl::Status ScaleArrivals(Trace& trace, double factor);

// As fast as it takes for `rps` requests a second on average, from the first arrival to the last;
// the shape of arrivals stays. Errors: InvalidArgument for a trace whose requests all come at once,
// and as above.
absl::Status ScaleToRate(Trace& trace, double rps);

// Arrivals without memory, `rps` a second, in the order they had. Those of closed loops: sessions
// start so, at the rate that gives `rps` requests a second once as many end as start. Errors:
// InvalidArgument for a rate that is not above 0.
absl::Status PoissonArrivals(Trace& trace, double rps, uint64_t seed);

// Whether any request waits for another.
bool IsClosedLoop(const Trace& trace);

// Closed loops: no pause is longer. People leave sessions overnight; nobody simulates that.
void CapThink(Trace& trace, Duration think_max);

// Only what arrives in [from, until), or the requests [first, first + count); the first arrives at
// 0. A session that is cut keeps its later turns.
void CutTime(Trace& trace, Duration from, Duration until);
void CutRequests(Trace& trace, size_t first, size_t count);

// Without requests of more input tokens. Turns that waited for one wait for the one before it.
void DropLongInputs(Trace& trace, uint32_t input_tokens_max);

// All of that. What is not asked for is not done; in this order.
struct TraceShape {
  uint64_t seed = 1;
  uint32_t input_tokens_max = 0;  // 0: any
  size_t first_request = 0;
  size_t request_count = 0;  // 0: all
  Duration from;
  std::optional<Duration> until;
  uint32_t block_tokens = 0;  // 0: as they are
  std::optional<Duration> think_max;
  TickSpread ticks = TickSpread::kDetect;
  size_t repeat_to = 0;  // requests; 0: once
  double speed = 1;      // factor on arrivals
  double rate_rps = 0;   // 0: as recorded
  // Needs a rate. Closed loops with a rate always start so: their files know no common time.
  bool poisson = false;
  bool permute_ids = false;
  size_t warm_up_requests = 0;  // replayed first and not measured
};

// Errors: InvalidArgument where nothing is left or what is asked cannot be; those from above.
absl::Status ShapeTrace(Trace& trace, const TraceShape& shape);

}  // namespace cairn
