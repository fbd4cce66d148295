#include "scheduler/simulator/fetch_price.h"

#include <catch2/catch.hpp>

#include "kvstore/base/prng.h"
#include "scheduler/simulator/attainment.h"
#include "tests/scheduler/cluster_house.h"

namespace cairn {
namespace {

// A network that carries a token's KV in one microsecond, and in so many more.
StepCost Network(uint32_t us_more = 0) {
  StepProfile profile;
  profile.kv_bytes_per_token = 1000 * (1 + us_more);
  profile.links[static_cast<size_t>(KvLink::kNetwork)].gigabytes_per_s = 1;
  return StepCost(profile);
}

// Workers that fetch from each other: 1 us a token, where computing takes 100.
ClusterOptions FetchingCluster(uint32_t workers, uint32_t schedulers = 1) {
  ClusterOptions options = SmallCluster(workers, schedulers);
  options.peers = PeersOver(KvLink::kNetwork, Network(), 16);
  LetFetch(KvLink::kNetwork, Network(), 16, options);
  for (SchedulerOptions& one : options.schedulers) {
    one.limits.routing.policy = PolicyKind::kRoundRobin;
  }
  return options;
}

TEST_CASE("schedulers are told what the links of the cluster take") {
  StepProfile profile;
  profile.kv_bytes_per_token = 100'000;
  profile.links[static_cast<size_t>(KvLink::kPeer)] = {.gigabytes_per_s = 100, .call_us = 16};
  ClusterOptions options = SmallCluster(2, 3);
  options.peers = PeersOver(KvLink::kPeer, StepCost(profile), 16);
  LetFetch(KvLink::kPeer, StepCost(profile), 16, options);
  CHECK(options.peers.transfer_time(160) == Microseconds(160 + 10 * 16));
  for (const SchedulerOptions& one : options.schedulers) {
    CHECK(one.limits.routing.cost.fetch_token == Microseconds(2));  // a call carries a block
    CHECK(one.limits.routing.cost.fetch_call == options.peers.delay * 2);
  }
}

std::vector<uint64_t> Head(uint64_t own, uint32_t blocks) {
  std::vector<uint64_t> all;
  for (uint64_t block = 0; block < blocks; ++block) all.push_back(block);
  all.push_back(1000 + own);
  return all;
}

// Prompts of 300 tokens that begin alike: 256 of them, one after the other.
Trace HotTrace(uint32_t requests, int64_t gap_us) {
  Trace trace{.block_tokens = 32, .name = "hot"};
  for (uint32_t i = 0; i < requests; ++i) {
    std::vector<uint64_t> blocks = Head(2 * i, 8);
    blocks.push_back(1000 + 2 * i + 1);
    trace.requests.push_back(Ask(1000 + gap_us * i, 300, 2, blocks));
  }
  return trace;
}

TEST_CASE("a hot prefix is fetched and not computed again, to the nanosecond") {
  const ClusterOptions options = FetchingCluster(2);
  const Trace trace = HotTrace(2, 500'000);
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  const RequestRecord& first = result.requests[0];
  const RequestRecord& second = result.requests[1];
  CHECK(first.fetched_tokens == 0);
  CHECK(second.worker == 1);
  CHECK(second.fetched_tokens == 256);
  CHECK(second.cached_device_tokens == 0);
  // Down and up, a question, 256 tokens on the wire, and a step with the other 44.
  CHECK(second.ttft() ==
        Microseconds(300) + Microseconds(50) + Microseconds(256) + Microseconds(2000 + 4400));
  CHECK(result.workers[1].blocks_fetched == 16);
  CHECK(result.workers[1].prefixes.fetches == 1);
  CHECK(result.workers[0].prefixes.blocks_lent == 16);
  CHECK(result.workers[1].prefill_tokens == 44);
  const ClusterSummary summary = Summarize(result, {});
  CHECK(summary.fetched_tokens == 256);
}

TEST_CASE("where all workers serve one prefix it is computed once, and fetched by each of them") {
  const ClusterOptions options = FetchingCluster(8);
  const Trace trace = HotTrace(64, 40'000);
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  uint64_t fetches = 0, computed = 0;
  for (const WorkerRecord& worker : result.workers) {
    fetches += worker.prefixes.fetches;
    computed += worker.prefill_tokens;
  }
  CHECK(fetches == 7);
  CHECK(computed == 256 + 64 * 44);
}

TEST_CASE("KV that goes over the network arrives, all of it and once") {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const Trace trace = MixedTrace(seed, 200);
    ClusterOptions options = FetchingCluster(4);
    options.seed = seed;
    uint64_t carried_tokens = 0;
    options.peers.transfer_time = [&](uint64_t tokens) {
      carried_tokens += tokens;
      return Microseconds(static_cast<int64_t>(tokens));
    };
    const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
    REQUIRE(Count(result, RequestOutcome::kFinished) == trace.requests.size());
    PrefixFetchCounts sum;
    uint64_t blocks_fetched = 0, fetched_tokens = 0;
    for (const WorkerRecord& worker : result.workers) {
      sum += worker.prefixes;
      blocks_fetched += worker.blocks_fetched;
    }
    for (const RequestRecord& request : result.requests) fetched_tokens += request.fetched_tokens;
    REQUIRE(sum.blocks_late == 0);  // nobody was in a hurry
    CHECK(sum.blocks_arrived > 50);
    CHECK(sum.blocks_asked == sum.blocks_wanted);
    CHECK(sum.blocks_wanted == sum.blocks_lent + sum.blocks_absent + sum.blocks_refused);
    CHECK(sum.blocks_lent == sum.blocks_arrived);
    CHECK(blocks_fetched == sum.blocks_lent);
    CHECK(carried_tokens == 16 * sum.blocks_lent);
    CHECK(fetched_tokens == carried_tokens);
  }
}

TEST_CASE("a holder that dies, or is too slow, costs time and no request") {
  ClusterOptions options = FetchingCluster(2);
  const Trace trace = HotTrace(2, 500'000);
  // It dies while the second request is on its way; nobody has noticed.
  options.world.push_back({Instant() + Microseconds(501'100), WorkerDies{0}});
  const ClusterResult dead = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(dead.requests[1].outcome == RequestOutcome::kFinished);
  CHECK(dead.requests[1].fetched_tokens == 0);
  CHECK(dead.workers[1].prefill_tokens == 300);
  CHECK(dead.requests[1].ttft() < Milliseconds(40));
  // Its wire is ten thousand times slower than is thought.
  options.world.clear();
  options.peers = PeersOver(KvLink::kNetwork, Network(9'999), 16);
  const ClusterResult slow = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(slow.requests[1].outcome == RequestOutcome::kFinished);
  CHECK(slow.workers[1].prefixes.blocks_late == 16);
  CHECK(slow.workers[1].blocks_fetched == 16);  // in the end, and for nothing
  // It waited as long as computing takes, then computed.
  CHECK(slow.requests[1].ttft() < Milliseconds(80));
}

TEST_CASE("workers that fetch, die, return and run out of KV lose no request and keep no block") {
  PrefixFetchCounts sum;
  uint64_t restarts = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Prng prng(seed);
    const Trace trace = MixedTrace(seed, 150);
    ClusterOptions options = FetchingCluster(4, 1 + static_cast<uint32_t>(prng.Below(3)));
    options.seed = seed;
    for (WorkerOptions& worker : options.workers) {
      worker.store.device.slots = prng.Chance(0.5) ? 64 : 256;
      worker.store.dram.slots = prng.Chance(0.5) ? 64 : 0;
    }
    for (SchedulerOptions& one : options.schedulers) {
      one.staleness = Milliseconds(prng.Between(0, 200));
      if (prng.Chance(0.5)) one.limits.routing.policy = PolicyKind::kDualHash;
    }
    // It may be much slower than schedulers think.
    if (prng.Chance(0.5)) options.peers = PeersOver(KvLink::kNetwork, Network(199), 16);
    for (int i = 0; i < 6; ++i) {
      const auto worker = static_cast<uint32_t>(prng.Below(4));
      const Instant at = Instant() + Milliseconds(prng.Between(0, 1500));
      options.world.push_back({at, WorkerDies{worker}});
      options.world.push_back({at + Milliseconds(prng.Between(1, 400)), WorkerReturns{worker}});
      options.world.push_back({at, ClientCancels{static_cast<uint32_t>(prng.Below(150))}});
    }
    options.loss_detection = Milliseconds(50);
    const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
    CHECK(Count(result, RequestOutcome::kUnfinished) == 0);
    for (const RequestRecord& request : result.requests) restarts += request.dispatches > 1;
    for (const WorkerRecord& worker : result.workers) sum += worker.prefixes;
  }
  CHECK(sum.fetches > 300);
  CHECK(sum.blocks_arrived > 1000);
  CHECK(sum.blocks_late > 100);
  CHECK(sum.blocks_absent > 10);
  CHECK(restarts > 20);
}

}  // namespace
}  // namespace cairn
