// Arrivals drawn from the client rates of ServeGen (github.com/alibaba/ServeGen): what many clients
// of one service send, each with its own rate, burstiness and lengths. Two tables:
//   rates    workload,client,t_s,rate_rps,cv,dist,p1,p2     one line a client and window of time
//   lengths  workload,client,t_s,in_q0,...,in_q100,out_q0,...,out_q100    quantiles of tokens
// A client's gaps are drawn from its window's distribution (Gamma or Weibull of shape p1) and
// stretched so that their mean is what the window's rate says. A client without lengths takes those
// of another client of the workload, drawn by seed. There are no contents: no request shares a
// block.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "scheduler/simulator/line_reader.h"
#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_fields.h"

namespace cairn {

bool IsServeGenHeader(std::string_view line);

struct ServeGenOptions {
  std::string workload;  // "language/m-large"; empty: the only one, or the first
  Duration from;         // into the recorded days
  Duration length = Seconds(3600);
  // Requests a second, on average over all clients and the hour; 0: as recorded.
  double rate_rps = 0;
  uint64_t seed = 1;
};

// Each client is a tenant, each request a session of its own. Errors beside those of bad lines:
// NotFound for a workload that is not there or sends nothing in the span, ResourceExhausted where
// the rates give more requests than the limits allow.
absl::StatusOr<Trace> ReadServeGenTrace(LineReader& rates, LineReader& lengths,
                                        uint32_t block_tokens, const ServeGenOptions& options,
                                        const TraceLimits& limits);

}  // namespace cairn
