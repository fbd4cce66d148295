// Sessions of agents with their pauses, one session a line:
//   {"id", "group", "bs": 64, "tool", "sys", "req": [TURN or SUB-AGENT, ...]}
//   TURN       {"t": s, "in", "out", "keep", "new": [start, count, ...], "think": s, "api": s, ...}
//   SUB-AGENT  {"t": s, "dur_ms", "tool", "sys", "req": [TURN, ...]}
// A turn's blocks are the first `keep` of the turn before and the runs in `new`; ids are the
// session's own. `t` is when a turn began; of a sub-agent, when it had ended, or, without "dur_ms",
// when it was sent off to run beside its parent.
//
// Read as a closed loop: a turn comes `think` after the one before has ended, however long the
// simulated cluster took. A sub-agent starts behind the last turn that had ended when it began; the
// turn that then follows waits for the sub-agent that was the last to end, which is what it had
// waited for when it was recorded. Recorded answer times say only who had ended when.
#pragma once

#include "absl/status/statusor.h"
#include "scheduler/simulator/line_reader.h"
#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_fields.h"

namespace cairn {

struct SessionTraceOptions {
  // Heads that sessions with equal sizes of tool and system text are taken to share: their first
  // tool / bs blocks, and their first (tool + sys) / bs where both are equal. Off, nothing is
  // shared between sessions, as it is in the file.
  bool share_heads = false;
};

// Every session starts at 0: the recording knows no common time. PoissonArrivals (arrival_shape.h)
// gives them starts. Sessions of one group are one tenant's.
absl::StatusOr<Trace> ReadSessionTrace(LineReader& lines, const SessionTraceOptions& options,
                                       const TraceLimits& limits);

}  // namespace cairn
