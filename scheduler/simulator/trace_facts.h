// What can be said of a trace without replaying it: sizes, arrivals, how much its prompts share,
// and the bounds that no scheduler passes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kvstore/base/time.h"
#include "scheduler/simulator/step_cost.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

struct Distribution {
  double mean = 0;
  uint64_t min = 0, p10 = 0, p50 = 0, p90 = 0, p99 = 0, max = 0;
};

// Percentiles are values that occur: the smallest with at least so many at or below it.
Distribution DistributionOf(std::vector<uint64_t> values);

// One cache for all requests, of so many tokens, that evicts what was not used for longest.
struct LruPoint {
  uint64_t capacity_tokens = 0;
  double block_hits = 0;  // part of all blocks of prompts
  double token_hits = 0;  // part of all tokens of prompts
};

struct TraceFacts {
  uint64_t requests = 0;
  uint64_t sessions = 0;
  uint64_t tenants = 0;
  uint64_t waiting_requests = 0;  // that come only after another has ended
  Duration span;                  // from the first arrival to the last; see NominalArrivals
  double mean_rps = 0;
  double gap_cv = 0;              // standard deviation of the gaps between arrivals over their mean
  double same_instant_share = 0;  // of gaps that are 0

  uint64_t input_tokens = 0;
  uint64_t output_tokens = 0;
  Distribution input;
  Distribution output;

  // With a cache that holds everything. A prompt hits as many blocks from its first as were in
  // prompts before.
  uint64_t blocks = 0;
  uint64_t distinct_blocks = 0;
  uint64_t blocks_used_once = 0;
  double block_hits = 0;            // part of all blocks
  double token_hits = 0;            // part of all tokens
  double request_hits = 0;          // mean over requests of their own part
  double requests_without_hit = 0;  // part of requests
  Distribution missed_tokens;       // of a request: what has to be computed at least

  // The most common first block: its part of requests, and of all hits of blocks.
  double first_block_requests = 0;
  double first_block_hits = 0;
  double top_percent_hits = 0;  // part of hits that the hottest 1 % of blocks have
  std::vector<LruPoint> lru;
};

// Arrivals as if every answer took no time: those of the trace, and for a closed loop the previous
// turn's and the pause.
std::vector<Instant> NominalArrivals(const Trace& trace);

// Requests are taken in the order of their nominal arrivals. `capacities` are in tokens.
TraceFacts FactsOf(const Trace& trace, std::span<const uint64_t> capacities);

// The highest rate that `workers` workers can serve if one cache that holds everything is shared by
// all of them and no worker is ever idle: workers over the mean work of a request. A whole prompt
// is never cached: its last token is computed. `prefill_rps` counts prefill alone, one request at a
// time; `serve_rps` also decode in batches of `decode_batch`. Requests before measured_from warm
// the cache and are not counted.
struct WorkBound {
  double prefill_rps = 0;
  double serve_rps = 0;
};
WorkBound WorkBoundOf(const Trace& trace, const StepCost& cost, uint32_t workers,
                      uint32_t decode_batch);

}  // namespace cairn
