// Durations counted into fixed buckets, by any thread, without locks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "kvstore/base/time.h"

namespace cairn {

class LatencyHistogram {
 public:
  // vLLM's buckets of the time to first token, in milliseconds, so that its dashboards fit.
  static constexpr std::array<int64_t, 22> kBoundsMs = {
      1,    5,    10,   20,   40,    60,    80,    100,   250,    500,    750,
      1000, 2500, 5000, 7500, 10000, 20000, 40000, 80000, 160000, 640000, 2560000};

  void Observe(Duration time) {
    size_t bucket = 0;
    while (bucket < kBoundsMs.size() && time > Milliseconds(kBoundsMs[bucket])) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(time.nanoseconds(), std::memory_order_relaxed);
  }

  struct Reading {
    std::array<uint64_t, kBoundsMs.size() + 1> counts;  // the last: above all bounds
    Duration sum;
  };
  Reading Read() const {
    Reading reading;
    for (size_t i = 0; i < counts_.size(); ++i) reading.counts[i] = counts_[i];
    reading.sum = Nanoseconds(sum_ns_);
    return reading;
  }

 private:
  std::array<std::atomic<uint64_t>, kBoundsMs.size() + 1> counts_{};
  std::atomic<int64_t> sum_ns_{0};
};

}  // namespace cairn
