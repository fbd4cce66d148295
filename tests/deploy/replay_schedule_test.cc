#include "deploy/cli/replay_schedule.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

using SteadyTime = ReplaySchedule::SteadyTime;

// All instants are in the past: what is asked here is the order, not the waiting.
SteadyTime LongAgo() { return std::chrono::steady_clock::now() - std::chrono::hours(1); }

TraceRequest At(int64_t ms) {
  TraceRequest request;
  request.arrival = Instant() + Milliseconds(ms);
  return request;
}

TEST_CASE("an open loop is due in the order of its arrivals, whoever has been answered") {
  Trace trace;
  trace.requests = {At(1), At(5), At(9)};
  const SteadyTime start = LongAgo();
  ReplaySchedule schedule(trace, start);
  for (uint32_t i = 0; i < 3; ++i) {
    const auto due = schedule.Take();
    REQUIRE(due.has_value());
    CHECK(due->request == i);
    CHECK(due->at == start + std::chrono::milliseconds(1 + 4 * i));
  }
  for (uint32_t i = 0; i < 3; ++i) schedule.Answered(i, start);
  CHECK_FALSE(schedule.Take().has_value());
}

TEST_CASE("a turn of a session is due when the one before was answered and thought about") {
  Trace trace;
  trace.requests = {At(0), At(0), At(2)};
  trace.requests[1].previous = 0;
  trace.requests[1].think = Seconds(3);
  const SteadyTime start = LongAgo();
  ReplaySchedule schedule(trace, start);
  REQUIRE(schedule.Take()->request == 0);
  REQUIRE(schedule.Take()->request == 2);  // the second turn is not due: nobody answered the first
  schedule.Answered(2, start);
  schedule.Answered(0, start + std::chrono::seconds(10));
  const auto due = schedule.Take();
  REQUIRE(due.has_value());
  CHECK(due->request == 1);
  CHECK(due->at == start + std::chrono::seconds(13));
  CHECK(schedule.answered() == 2);
  schedule.Answered(1, start);
  CHECK_FALSE(schedule.Take().has_value());
}

}  // namespace
}  // namespace cairn
