#include "deploy/cli/replay_schedule.h"

namespace cairn {
namespace {

std::chrono::nanoseconds Chrono(Duration duration) {
  return std::chrono::nanoseconds(duration.nanoseconds());
}

}  // namespace

ReplaySchedule::ReplaySchedule(const Trace& trace, SteadyTime start)
    : trace_(trace), followers_(trace.requests.size()) {
  for (uint32_t i = 0; i < trace.requests.size(); ++i) {
    const TraceRequest& request = trace.requests[i];
    if (request.previous) {
      followers_[*request.previous].push_back(i);
    } else {
      due_.push({i, start + Chrono(request.arrival - Instant())});
    }
  }
}

std::optional<ReplaySchedule::Due> ReplaySchedule::Take() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (answered_ < trace_.requests.size()) {
    if (due_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Due first = due_.top();
    if (first.at > std::chrono::steady_clock::now()) {
      changed_.wait_until(lock, first.at);
      continue;
    }
    due_.pop();
    return first;
  }
  return std::nullopt;
}

void ReplaySchedule::Answered(uint32_t request, SteadyTime now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++answered_;
  for (const uint32_t next : followers_[request]) {
    due_.push({next, now + Chrono(trace_.requests[next].think)});
  }
  changed_.notify_all();
}

uint32_t ReplaySchedule::answered() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return answered_;
}

}  // namespace cairn
