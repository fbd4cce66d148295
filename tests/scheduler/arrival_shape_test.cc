// What is done to a trace before it is replayed.
#include "scheduler/simulator/arrival_shape.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "scheduler/simulator/trace_facts.h"
#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

// Ten requests every three seconds.
Trace Ticks() {
  Trace trace = OpenLoop(std::vector<std::vector<uint64_t>>(100));
  for (size_t i = 0; i < 100; ++i) {
    trace.requests[i].arrival = Instant() + Seconds(static_cast<int64_t>(i / 10) * 3);
  }
  return trace;
}

// Session 0 with turns 0, 1, 3 and session 1 with turn 2.
Trace ClosedLoop() {
  Trace trace = OpenLoop({{1}, {1, 2}, {9}, {1, 2, 3}});
  for (TraceRequest& request : trace.requests) {
    request.arrival = Instant();
    request.session = 0;
  }
  trace.requests[2].session = 1;
  trace.requests[1].previous = 0;
  trace.requests[1].think = Seconds(5);
  trace.requests[1].turn = 1;
  trace.requests[3].previous = 1;
  trace.requests[3].think = Seconds(7);
  trace.requests[3].turn = 2;
  return trace;
}

TEST_CASE("ticks are found and spread evenly over their interval") {
  Trace trace = Ticks();
  SpreadTicks(trace, TickSpread::kDetect, 1);
  for (size_t i = 0; i < 100; ++i) {
    CHECK(ArrivalSeconds(trace)[i] == Approx(static_cast<double>(i) * 0.3));
  }
  CHECK(trace.history.back() == "spread ticks of 3 s evenly over each");
}

TEST_CASE("ticks spread at random stay in their tick and order, and come from the seed") {
  Trace trace = Ticks(), again = Ticks(), other = Ticks();
  SpreadTicks(trace, TickSpread::kSeeded, 5);
  SpreadTicks(again, TickSpread::kSeeded, 5);
  SpreadTicks(other, TickSpread::kSeeded, 6);
  CHECK(trace.requests == again.requests);
  CHECK(trace.requests != other.requests);
  const std::vector<double> arrivals = ArrivalSeconds(trace);
  CHECK(std::is_sorted(arrivals.begin(), arrivals.end()));
  for (size_t i = 0; i < 100; ++i) {
    CHECK(arrivals[i] >= static_cast<double>(i / 10) * 3);
    CHECK(arrivals[i] < static_cast<double>(i / 10) * 3 + 3);
  }
}

TEST_CASE("arrivals that are no ticks are left alone, and so are ticks if that is asked for") {
  Trace trace = OpenLoop({{1}, {2}, {3}});
  SpreadTicks(trace, TickSpread::kDetect, 1);
  CHECK(ArrivalSeconds(trace) == std::vector<double>{0, 1, 2});
  CHECK(trace.history.empty());
  Trace ticks = Ticks();
  SpreadTicks(ticks, TickSpread::kLiteral, 1);
  CHECK(ticks.requests == Ticks().requests);
  Trace at_once = OpenLoop({{1}, {2}, {3}});
  for (TraceRequest& request : at_once.requests) request.arrival = Instant();
  SpreadTicks(at_once, TickSpread::kEvenly, 1);  // no interval to spread it over
  CHECK(ArrivalSeconds(at_once) == std::vector<double>{0, 0, 0});
}

TEST_CASE("a rate is met without changing the shape of arrivals") {
  Trace trace = OpenLoop({{1}, {2}, {3}, {4}});
  trace.requests[3].arrival = Instant() + Seconds(5);
  REQUIRE(ScaleToRate(trace, 6).ok());
  CHECK(ArrivalSeconds(trace) == std::vector<double>{0, 0.1, 0.2, 0.5});
  CHECK(trace.history.back() == "arrivals scaled from 0.6 to 6 requests/s");
  Trace one = OpenLoop({{1}});
  CHECK_FALSE(ScaleToRate(one, 6).ok());
  CHECK_FALSE(ScaleToRate(trace, 1e-15).ok());
}

TEST_CASE("Poisson arrivals have their rate and no memory") {
  Trace trace = OpenLoop(std::vector<std::vector<uint64_t>>(20'000));
  REQUIRE(PoissonArrivals(trace, 4, 1).ok());
  REQUIRE(CheckTrace(trace).ok());
  const TraceFacts facts = FactsOf(trace, {});
  CHECK(facts.mean_rps == Approx(4).epsilon(0.03));
  CHECK(facts.gap_cv == Approx(1).epsilon(0.03));
}

TEST_CASE("sessions start as a Poisson process, and their turns with them") {
  Trace trace = ClosedLoop();
  REQUIRE(PoissonArrivals(trace, 2, 1).ok());
  REQUIRE(CheckTrace(trace).ok());
  CHECK(trace.requests[0].session == trace.requests[1].session);
  CHECK(trace.requests[1].arrival == trace.requests[0].arrival);
  CHECK(trace.requests[2].arrival == trace.requests[0].arrival);
  CHECK(trace.requests[3].arrival > trace.requests[0].arrival);
  CHECK(trace.requests[3].blocks == std::vector<uint64_t>{9});
}

TEST_CASE("pauses longer than the longest are cut to it") {
  Trace trace = ClosedLoop();
  CapThink(trace, Seconds(6));
  CHECK(trace.requests[1].think == Seconds(5));
  CHECK(trace.requests[3].think == Seconds(6));
  CHECK(trace.history.back() == "1 pauses cut to 6 s");
}

TEST_CASE("a cut keeps what is in it, from 0") {
  Trace trace = OpenLoop({{1}, {2}, {3}, {4}});
  CutTime(trace, Seconds(1), Seconds(3));
  CHECK(ArrivalSeconds(trace) == std::vector<double>{0, 1});
  CHECK(trace.requests[0].blocks[0] == 2);
  Trace other = OpenLoop({{1}, {2}, {3}, {4}});
  CutRequests(other, 3, 10);
  CHECK(other.requests.size() == 1);
  CHECK(other.requests[0].blocks[0] == 4);
}

TEST_CASE("who waited for a request that is left out waits for the one before") {
  Trace trace = ClosedLoop();
  trace.requests[1].input_tokens = 1000;
  DropLongInputs(trace, 100);
  REQUIRE(CheckTrace(trace).ok());
  REQUIRE(trace.requests.size() == 3);
  CHECK(trace.requests[2].previous == 0u);
  CHECK(trace.requests[2].think == Seconds(12));
  trace = ClosedLoop();
  trace.requests[0].input_tokens = 1000;
  DropLongInputs(trace, 100);
  REQUIRE(CheckTrace(trace).ok());
  CHECK_FALSE(trace.requests[0].previous.has_value());
  CHECK(trace.requests[0].think == Duration());
  CHECK(trace.requests[2].previous == 0u);
}

TEST_CASE("all that is asked for is done, in one order, and written down") {
  Trace trace = Ticks();
  TraceShape shape;
  shape.seed = 3;
  shape.request_count = 50;
  shape.repeat_to = 120;
  shape.rate_rps = 10;
  shape.permute_ids = true;
  shape.warm_up_requests = 20;
  REQUIRE(ShapeTrace(trace, shape).ok());
  REQUIRE(CheckTrace(trace).ok());
  CHECK(trace.requests.size() == 120);
  CHECK(SpanOf(trace).seconds() == Approx(11.9));
  CHECK(trace.measured_from == trace.requests[20].arrival);
  CHECK(trace.history.size() == 6);
  CHECK(trace.history[0] == "cut to 50 requests from request 0");
  CHECK(trace.history[5].find("warm-up: the first 20 requests, until ") == 0);
}

TEST_CASE("a shape that leaves nothing or cannot be is refused") {
  const auto shaped = [](const TraceShape& shape) {
    Trace trace = Ticks();
    return ShapeTrace(trace, shape).ok();
  };
  CHECK(shaped({}));
  CHECK_FALSE(shaped({.first_request = 100}));
  CHECK_FALSE(shaped({.from = Seconds(1000)}));
  CHECK_FALSE(shaped({.speed = 0}));
  CHECK_FALSE(shaped({.rate_rps = -1}));
  CHECK_FALSE(shaped({.poisson = true}));
  CHECK_FALSE(shaped({.warm_up_requests = 100}));
  CHECK_FALSE(shaped({.repeat_to = 99}));
  CHECK_FALSE(shaped({.block_tokens = 7}));
}

}  // namespace
}  // namespace cairn
