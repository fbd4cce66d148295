// A cluster that grows and shrinks under load: what its clients and its caches see of it.
#include <catch2/catch.hpp>
#include <vector>

#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/skewed_trace.h"
#include "scheduler/simulator/virtual_cluster.h"

namespace cairn {
namespace {

constexpr uint32_t kCoarse = 8;  // one token stands for eight, which only makes the test quicker

// 20 ms and 0.16 ms a token.
Duration StepOf(const StepPlan& plan, Duration /*idle*/) {
  int64_t microseconds = 20'000;
  for (const StepSpan& span : plan.spans) {
    microseconds += 160 * kCoarse * static_cast<int64_t>(span.tokens.size());
  }
  return Microseconds(microseconds);
}

WorkerOptions Worker() {
  WorkerOptions options;
  options.limits.step_tokens = 2048 / kCoarse;
  options.store = {.block_tokens = 512 / kCoarse, .device = {.slots = 2340}};
  return options;
}

// Hot prefixes, agents and sessions: more than four workers can bear for 160 s, then little.
Trace Load(uint64_t seed) {
  Trace trace = MakeSkewedTrace(2420, seed).value();
  trace.block_tokens /= kCoarse;
  Instant at;
  for (TraceRequest& request : trace.requests) {
    request.arrival = at;
    request.input_tokens = std::max(1u, request.input_tokens / kCoarse);
    request.output_tokens = 1;
    at = at + (at < Instant() + Seconds(160) ? Milliseconds(88) : Milliseconds(150));
  }
  return trace;
}

// What became of the requests that arrived in some seconds of several runs.
class Window {
 public:
  Window(int64_t from_s, int64_t until_s)
      : from_(Instant() + Seconds(from_s)), until_(Instant() + Seconds(until_s)) {}

  void Add(const ClusterResult& result) {
    for (const RequestRecord& request : result.requests) {
      if (request.arrival < from_ || request.arrival >= until_) continue;
      requests_.push_back(request);
      prompt_ += request.prompt_tokens;
      hit_ += request.cached_device_tokens;
    }
  }
  double attainment() const { return Attainment(requests_, SloTarget{.ttft = Seconds(5)}); }
  double hit_share() const { return static_cast<double>(hit_) / static_cast<double>(prompt_); }

 private:
  const Instant from_, until_;
  std::vector<RequestRecord> requests_;
  uint64_t prompt_ = 0, hit_ = 0;
};

TEST_CASE("four workers become eight and four again: clients get their answers, caches refill") {
  Window overloaded(40, 70), grown(70, 80), settled(130, 160), before(170, 190), shrunk(190, 200),
      small(220, 250);
  for (const uint64_t seed : {1u, 2u, 3u, 4u, 5u, 6u}) {
    const Trace trace = Load(seed);
    ClusterOptions options;
    options.seed = seed;
    options.workers.assign(4, Worker());
    options.schedulers.resize(3);
    for (SchedulerOptions& one : options.schedulers) {
      one.link_delay = Microseconds(200);
      one.staleness = Seconds(1);
    }
    for (uint32_t i = 0; i < 4; ++i) {
      options.world.push_back({Instant() + Seconds(70), WorkerAdded{Worker()}});
      options.world.push_back({Instant() + Seconds(190), WorkerRemoved{4 + i}});
    }
    const ClusterResult result = VirtualCluster(options, trace, StepOf).Run();
    for (Window* window : {&overloaded, &grown, &settled, &before, &shrunk, &small}) {
      window->Add(result);
    }
  }
  CHECK(overloaded.attainment() < 0.5);
  CHECK(settled.attainment() >= 0.9);  // after what had piled up
  CHECK(grown.hit_share() < overloaded.hit_share());
  CHECK(settled.hit_share() > grown.hit_share());
  CHECK(settled.hit_share() >= 0.95 * overloaded.hit_share());
  CHECK(before.attainment() >= 0.9);
  CHECK(shrunk.attainment() >= 0.9);  // what those that went had begun was begun again
  CHECK(small.attainment() >= 0.9);
  CHECK(shrunk.hit_share() < before.hit_share());
  CHECK(small.hit_share() >= 0.9 * before.hit_share());
}

}  // namespace
}  // namespace cairn
