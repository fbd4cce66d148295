// What the world does to a virtual cluster: workers die, return, come and slow down, clients leave.
#include <catch2/catch.hpp>

#include "kvstore/base/prng.h"
#include "tests/scheduler/cluster_house.h"

namespace cairn {
namespace {

TEST_CASE(
    "whatever the world does, every request that arrives ends once and every block is free again") {
  // Requests and blocks are counted on the way and at the end by the cluster itself.
  uint64_t restarts = 0, cancelled = 0, preemptions = 0, moved = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Prng prng(seed);
    const Trace trace = MixedTrace(seed, 200);
    const uint32_t workers = static_cast<uint32_t>(prng.Between(2, 5));
    ClusterOptions options = SmallCluster(workers, static_cast<uint32_t>(prng.Between(1, 3)));
    options.seed = seed;
    for (WorkerOptions& worker : options.workers) {
      worker = SmallWorker(static_cast<uint32_t>(prng.Between(40, 120)),
                           prng.Chance(0.5) ? 0 : static_cast<uint32_t>(prng.Between(20, 200)));
      worker.store.device_headroom_slots = 4;
    }
    for (SchedulerOptions& one : options.schedulers) {
      one.link_delay = Microseconds(prng.Between(0, 5000));
      if (prng.Chance(0.5)) one.staleness = Milliseconds(prng.Between(1, 3000));
    }
    const auto at = [&] { return Instant() + Milliseconds(prng.Between(0, 2000)); };
    for (int i = 0; i < 3; ++i) {
      const auto worker = static_cast<uint32_t>(prng.Below(workers));
      const Instant death = at();
      options.world.push_back({death, WorkerDies{worker}});
      options.world.push_back({death + Milliseconds(prng.Between(1, 3000)), WorkerReturns{worker}});
      options.world.push_back({at(), WorkerSlows{static_cast<uint32_t>(prng.Below(workers)), 300}});
    }
    options.world.push_back({at(), WorkerAdded{SmallWorker()}});
    options.world.push_back({at(), WorkerRemoved{0}});
    for (int i = 0; i < 30; ++i) {
      options.world.push_back({at(), ClientCancels{static_cast<uint32_t>(prng.Below(200))}});
    }
    const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
    INFO("seed " << seed);
    CHECK(Count(result, RequestOutcome::kUnfinished) == 0);
    CHECK(Count(result, RequestOutcome::kNotArrived) == 0);
    cancelled += Count(result, RequestOutcome::kCancelled);
    for (const RequestRecord& request : result.requests) {
      if (request.dispatches > 1) restarts += request.dispatches - 1;
      if (request.outcome != RequestOutcome::kFinished) continue;
      const TraceRequest& asked =
          trace.requests[static_cast<size_t>(&request - result.requests.data())];
      CHECK(request.tokens == asked.output_tokens);
      CHECK(request.cached_device_tokens + request.cached_dram_tokens < request.prompt_tokens);
    }
    for (const WorkerRecord& worker : result.workers) {
      preemptions += worker.preemptions;
      moved += worker.moves;
    }
  }
  // The seeds are worth nothing if nothing happens in them.
  CHECK(restarts > 50);
  CHECK(cancelled > 50);
  CHECK(preemptions > 50);
  CHECK(moved > 50);
}

TEST_CASE("a lost worker's requests finish elsewhere, and nobody hears a token twice") {
  Trace trace;
  for (int i = 0; i < 8; ++i) trace.requests.push_back(Ask(i * 1000, 200, 50));
  ClusterOptions options = SmallCluster(2);
  options.world = {{Instant() + Milliseconds(100), WorkerDies{0}}};
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  uint32_t moved = 0;
  for (const RequestRecord& request : result.requests) {
    CHECK(request.outcome == RequestOutcome::kFinished);
    CHECK(request.tokens == 50);
    CHECK(request.worker == 1);
    moved += request.dispatches == 2;
  }
  CHECK(moved > 0);
  CHECK(result.workers[0].lives == 1);
}

TEST_CASE("a worker that returns under a new epoch is empty and works again") {
  Trace trace{.block_tokens = 32};
  trace.requests = {Ask(0, 64, 2, {1, 2}), Ask(5'000'000, 64, 2, {1, 2})};
  ClusterOptions options = SmallCluster(1);
  options.world = {{Instant() + Seconds(1), WorkerDies{0}},
                   {Instant() + Seconds(2), WorkerReturns{0}}};
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(result.requests[1].outcome == RequestOutcome::kFinished);
  CHECK(result.requests[1].cached_device_tokens == 0);
  CHECK(result.workers[0].lives == 2);
}

TEST_CASE("a worker that is added takes work, and a slow one is slow by its factor") {
  Trace trace;
  for (int i = 0; i < 40; ++i) trace.requests.push_back(Ask(1'000'000 + i * 100, 200, 5));
  ClusterOptions options = SmallCluster(1);
  options.world = {{Instant() + Milliseconds(10), WorkerAdded{SmallWorker()}}};
  const ClusterResult two = VirtualCluster(options, trace, LinearStep).Run();
  REQUIRE(two.workers.size() == 2);
  CHECK(two.workers[1].steps > 0);

  trace.requests.resize(1);
  options.world = {{Instant() + Milliseconds(10), WorkerSlows{0, 250}}};
  const ClusterResult slow = VirtualCluster(options, trace, LinearStep).Run();
  options.world = {};
  const ClusterResult normal = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(slow.workers[0].busy == normal.workers[0].busy * 5 / 2);
}

}  // namespace
}  // namespace cairn
