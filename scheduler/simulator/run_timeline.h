// A run cut into slices of time: who waited and who ran, how busy the workers were and how evenly,
// and what the requests of each slice got. What a plot over time shows, and where a failure is
// seen.
#pragma once

#include <cstdint>
#include <vector>

#include "kvstore/base/time.h"
#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/cluster_options.h"
#include "scheduler/simulator/cluster_result.h"

namespace cairn {

struct TimeSlice {
  // Requests on average: in a scheduler's queue; on a worker and without a token; and with one.
  double queued = 0;
  double prefilling = 0;
  double decoding = 0;
  // Of the time of workers that were alive. The busiest one's share over the mean share is the
  // imbalance: 1 is even, and what it is where nobody worked.
  double busy_share = 0;
  double imbalance = 1;
  double workers = 0;  // alive on average
  // The same of requests on a worker. A busy cluster is busy everywhere; this still tells workers
  // apart.
  double request_imbalance = 1;
  // Of the requests that arrived in the slice.
  uint32_t arrivals = 0;
  double attainment = 1;  // 1 if there were none
  double hit_share = 0;   // of their prompt tokens
};

struct RunTimeline {
  Duration slice;
  std::vector<TimeSlice> slices;  // from the start of the trace
};

// `options` are those of the run; none of it is known where it had no slices.
RunTimeline TimelineOf(const ClusterOptions& options, const ClusterResult& result,
                       const RunTargets& targets);

// Requests on each worker, on average from the first arrival to the last end.
std::vector<double> RequestsByWorker(const ClusterResult& result);

}  // namespace cairn
