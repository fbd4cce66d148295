// What the requests of a run got, measured against targets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kvstore/base/generation.h"
#include "kvstore/base/time.h"
#include "scheduler/simulator/cluster_result.h"

namespace cairn {

// Whether a request finished within the targets.
bool Attains(const RequestRecord& request, const SloTarget& target);
inline bool MissesTtft(const RequestRecord& request, const SloTarget& target) {
  return target.ttft > Duration() && request.ttft() > target.ttft;
}
inline bool MissesTpot(const RequestRecord& request, const SloTarget& target) {
  return target.tpot > Duration() && request.tpot() > target.tpot;
}

// What the requests of a run are measured against: all the same, or each its own.
class RunTargets {
 public:
  RunTargets() = default;  // no target
  RunTargets(const SloTarget& all) : all_(all) {}
  explicit RunTargets(std::vector<SloTarget> own) : own_(std::move(own)) {}

  const SloTarget& at(size_t request) const { return own_.empty() ? all_ : own_[request]; }

 private:
  SloTarget all_;
  std::vector<SloTarget> own_;  // by request
};

// The share of requests that attain the targets. Those shed, failed or unfinished do not; those
// whose client cancelled do not count, nor do those that arrived before `from` (to warm the
// caches). 1 if none counts.
double Attainment(std::span<const RequestRecord> requests, const RunTargets& targets,
                  Instant from = {});

struct Percentiles {
  size_t count = 0;
  Duration mean;
  Duration p50;
  Duration p90;
  Duration p99;
  Duration max;
};

// By nearest rank. All zero if there are no values.
Percentiles PercentilesOf(std::vector<Duration> values);

// The 0th, 1st, ... 100th percentile by nearest rank: a distribution to draw. Empty if there are no
// values.
std::vector<Duration> CurveOf(std::vector<Duration> values);

// Of all requests that have one and arrived at `from` or later.
std::vector<Duration> TtftsOf(std::span<const RequestRecord> requests, Instant from = {});
std::vector<Duration> TpotsOf(std::span<const RequestRecord> requests, Instant from = {});

// A run in one page of numbers. Requests that arrived before `from` count for nothing but the
// workers' totals.
struct ClusterSummary {
  size_t requests = 0;
  size_t finished = 0;
  size_t cancelled = 0;
  size_t failed = 0;
  size_t shed = 0;
  size_t expired = 0;
  size_t unfinished = 0;  // or never arrived
  double attainment = 0;
  size_t missed_ttft = 0;  // of those that finished
  size_t missed_tpot = 0;  // and maybe the other target as well
  Percentiles ttft;
  Percentiles tpot;            // of requests with two tokens or more
  Percentiles gap_max;         // the worst gap of each of them
  Percentiles queue;           // from arrival to the first dispatch
  uint64_t prompt_tokens = 0;  // of requests whose prompt was computed
  uint64_t hit_device_tokens = 0;
  uint64_t hit_dram_tokens = 0;
  uint64_t fetched_tokens = 0;  // from other workers' caches
  PrefixFetchCounts fetches;    // of all workers
  uint64_t output_tokens = 0;
  uint64_t preemptions = 0;
  uint64_t restarts = 0;
  Duration span;          // from the first arrival to the last end
  double busy_share = 0;  // of the workers' time in `span`, mean
  double imbalance = 0;   // the busiest worker's busy time over the mean; 1 is even
};

ClusterSummary Summarize(const ClusterResult& result, const RunTargets& targets, Instant from = {});

}  // namespace cairn
