#include "scheduler/simulator/attainment.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

RequestRecord Served(int64_t ttft_ms, int64_t tpot_ms, uint32_t tokens = 11) {
  RequestRecord record;
  record.outcome = RequestOutcome::kFinished;
  record.arrival = Instant() + Seconds(10);
  record.first_token = record.arrival + Milliseconds(ttft_ms);
  record.last_token = record.first_token + Milliseconds(tpot_ms * (tokens - 1));
  record.tokens = tokens;
  return record;
}

TEST_CASE("a request attains its targets if it finished and both times are within them") {
  const SloTarget target{.ttft = Milliseconds(500), .tpot = Milliseconds(50)};
  CHECK(Attains(Served(500, 50), target));
  CHECK_FALSE(Attains(Served(501, 50), target));
  CHECK_FALSE(Attains(Served(500, 51), target));
  CHECK(Attains(Served(100, 900), {.ttft = Milliseconds(500)}));  // no promise about tokens
  CHECK(Attains(Served(100, 900, 1), target));                    // one token has no gaps
  RequestRecord shed = Served(1, 1);
  shed.outcome = RequestOutcome::kShed;
  CHECK_FALSE(Attains(shed, {}));
}

TEST_CASE(
    "who was refused counts as missed, who went away or came to warm the caches does not count") {
  const SloTarget target{.ttft = Milliseconds(500)};
  std::vector<RequestRecord> requests = {Served(100, 1), Served(900, 1), Served(100, 1),
                                         Served(100, 1)};
  requests[2].outcome = RequestOutcome::kShed;
  CHECK(Attainment(requests, target) == 0.5);
  requests[2].outcome = RequestOutcome::kCancelled;
  CHECK(Attainment(requests, target) == 2.0 / 3.0);
  requests[1].arrival = Instant() + Seconds(1);
  CHECK(Attainment(requests, target, Instant() + Seconds(5)) == 1.0);
  CHECK(Attainment({}, target) == 1.0);
}

TEST_CASE("percentiles are values that occurred, by nearest rank") {
  std::vector<Duration> values;
  for (int i = 100; i >= 1; --i) values.push_back(Milliseconds(i));
  const Percentiles p = PercentilesOf(values);
  CHECK(p.count == 100);
  CHECK(p.p50 == Milliseconds(50));
  CHECK(p.p90 == Milliseconds(90));
  CHECK(p.p99 == Milliseconds(99));
  CHECK(p.max == Milliseconds(100));
  CHECK(p.mean == Microseconds(50'500));
  CHECK(PercentilesOf({Milliseconds(7)}).p50 == Milliseconds(7));
  CHECK(PercentilesOf({}).max == Duration());
}

TEST_CASE("a distribution is drawn by its percentiles, from the lowest value to the highest") {
  std::vector<Duration> values;
  for (int i = 200; i >= 1; --i) values.push_back(Milliseconds(i));
  const std::vector<Duration> curve = CurveOf(values);
  REQUIRE(curve.size() == 101);
  CHECK(curve[0] == Milliseconds(1));
  CHECK(curve[50] == PercentilesOf(values).p50);
  CHECK(curve[100] == Milliseconds(200));
  CHECK(CurveOf({}).empty());
}

TEST_CASE("a summary says which target was missed") {
  const SloTarget target{.ttft = Milliseconds(500), .tpot = Milliseconds(50)};
  ClusterResult result;
  result.requests = {Served(501, 50), Served(500, 51), Served(501, 51), Served(500, 50)};
  result.requests.push_back(Served(501, 51));
  result.requests.back().outcome = RequestOutcome::kFailed;
  const ClusterSummary summary = Summarize(result, target);
  CHECK(summary.missed_ttft == 2);
  CHECK(summary.missed_tpot == 2);
  CHECK(summary.attainment == 0.2);
}

}  // namespace
}  // namespace cairn
