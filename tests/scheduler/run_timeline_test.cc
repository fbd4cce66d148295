#include "scheduler/simulator/run_timeline.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

Instant At(int64_t ms) { return Instant() + Milliseconds(ms); }

RequestRecord Request(int64_t arrival, int64_t dispatched, int64_t first, int64_t ended) {
  RequestRecord request;
  request.outcome = RequestOutcome::kFinished;
  request.arrival = At(arrival);
  request.dispatched = At(dispatched);
  request.dispatches = 1;
  request.prefilled = request.first_token = At(first);
  request.last_token = request.ended = At(ended);
  request.tokens = 2;
  request.prompt_tokens = 100;
  request.cached_device_tokens = 40;
  return request;
}

ClusterOptions Options(uint32_t workers) {
  ClusterOptions options;
  options.workers.resize(workers);
  options.slice = Milliseconds(100);
  return options;
}

TEST_CASE("a request is counted where it waited, for as long as it did") {
  ClusterResult result;
  result.requests = {Request(50, 150, 200, 320)};
  result.workers.resize(1);
  result.end = At(320);
  const RunTimeline timeline =
      TimelineOf(Options(1), result, SloTarget{.ttft = Milliseconds(100), .tpot = Duration()});
  REQUIRE(timeline.slices.size() == 4);
  CHECK(timeline.slices[0].queued == Approx(0.5));
  CHECK(timeline.slices[1].queued == Approx(0.5));
  CHECK(timeline.slices[1].prefilling == Approx(0.5));
  CHECK(timeline.slices[2].decoding == Approx(1.0));
  CHECK(timeline.slices[3].decoding == Approx(0.2));
  CHECK(timeline.slices[0].arrivals == 1);
  CHECK(timeline.slices[0].attainment == 0);
  CHECK(timeline.slices[0].hit_share == Approx(0.4));
  CHECK(timeline.slices[2].attainment == 1);
}

TEST_CASE("imbalance is the busiest worker's share over the mean of those alive") {
  ClusterResult result;
  result.requests = {Request(0, 0, 10, 199)};
  result.workers.resize(2);
  result.workers[0].busy_by_slice = {Milliseconds(90), Milliseconds(50)};
  result.workers[1].busy_by_slice = {Milliseconds(30)};
  result.end = At(199);
  ClusterOptions options = Options(2);
  RunTimeline timeline = TimelineOf(options, result, {});
  CHECK(timeline.slices[0].busy_share == Approx(0.6));
  CHECK(timeline.slices[0].imbalance == Approx(1.5));
  CHECK(timeline.slices[0].workers == Approx(2));
  CHECK(timeline.slices[1].imbalance == Approx(2));

  // A dead worker is not an idle one.
  options.world = {{At(100), WorkerDies{1}}};
  timeline = TimelineOf(options, result, {});
  CHECK(timeline.slices[1].imbalance == Approx(1));
  CHECK(timeline.slices[1].workers == Approx(0.99));
}

TEST_CASE("requests on workers are counted from when they were given to them") {
  ClusterResult result;
  result.requests = {Request(0, 0, 10, 100), Request(0, 50, 60, 100), Request(0, 0, 10, 50)};
  result.requests[1].worker = result.requests[1].prompt_worker = 1;
  result.workers.resize(2);
  result.end = At(100);
  const RunTimeline timeline = TimelineOf(Options(2), result, {});
  // 1.5 requests on one and half a one on the other.
  CHECK(timeline.slices[0].request_imbalance == Approx(1.5));
  const std::vector<double> on = RequestsByWorker(result);
  REQUIRE(on.size() == 2);
  CHECK(on[0] == Approx(1.5));
  CHECK(on[1] == Approx(0.5));
}

TEST_CASE("a request that was handed over counts on each worker for as long as it was there") {
  ClusterResult result;
  result.requests = {Request(0, 0, 20, 100)};
  result.requests[0].worker = 1;
  result.requests[0].handed = At(25);
  result.workers.resize(2);
  result.end = At(100);
  const std::vector<double> on = RequestsByWorker(result);
  CHECK(on[0] == Approx(0.25));
  CHECK(on[1] == Approx(0.75));
}

TEST_CASE("workers that come, go and return count while they are there") {
  ClusterResult result;
  result.requests = {Request(0, 0, 10, 399)};
  result.workers.resize(3);
  result.end = At(400);
  ClusterOptions options = Options(2);
  options.world = {{At(300), WorkerReturns{0}},
                   {At(100), WorkerDies{0}},
                   {At(150), WorkerAdded{}},
                   {At(200), WorkerRemoved{1}}};
  const RunTimeline timeline = TimelineOf(options, result, {});
  CHECK(timeline.slices[0].workers == Approx(2));
  CHECK(timeline.slices[1].workers == Approx(1.5));
  CHECK(timeline.slices[2].workers == Approx(1));
  CHECK(timeline.slices[3].workers == Approx(2));
}

TEST_CASE("a run without slices has no timeline") {
  ClusterOptions options = Options(1);
  options.slice = Duration();
  CHECK(TimelineOf(options, {}, {}).slices.empty());
}

}  // namespace
}  // namespace cairn
