// Which request of a trace is due when, for clients that replay it against a live server: those of
// an open loop at the trace's times, those of a closed loop when the turn before was answered and
// thought about. Threads take from it; nobody waits awake.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "scheduler/simulator/trace.h"

namespace cairn {

class ReplaySchedule {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  // The trace outlives this; its first instant is `start`.
  ReplaySchedule(const Trace& trace, SteadyTime start);

  struct Due {
    uint32_t request = 0;
    SteadyTime at;
  };
  // Waits until a request is due and takes it; none once all have been taken and answered.
  std::optional<Due> Take();
  // An answer came, right or wrong: who waits for it becomes due.
  void Answered(uint32_t request, SteadyTime now);

  uint32_t answered() const;

 private:
  struct Later {
    bool operator()(const Due& a, const Due& b) const {
      return std::pair(a.at, a.request) > std::pair(b.at, b.request);
    }
  };

  const Trace& trace_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::priority_queue<Due, std::vector<Due>, Later> due_;
  std::vector<std::vector<uint32_t>> followers_;  // by request
  uint32_t answered_ = 0;
};

}  // namespace cairn
