#include "scheduler/core/route_cost.h"

#include <catch2/catch.hpp>
#include <vector>

#include "scheduler/core/learned_cost.h"
#include "scheduler/core/worker_backlog.h"

namespace cairn {
namespace {

TEST_CASE("a line through light and heavy steps tells a step's cost from a token's") {
  LearnedCost cost;
  CHECK_FALSE(cost.known());
  CHECK(cost.token() == Microseconds(100));
  cost.Learn(8, Milliseconds(16));  // decodes alone say nothing of prompts
  CHECK_FALSE(cost.known());
  for (int i = 0; i < 60; ++i) {
    cost.Learn(10, Milliseconds(20));
    cost.Learn(510, Milliseconds(120));
  }
  CHECK(cost.token().nanoseconds() > 195'000);
  CHECK(cost.token().nanoseconds() < 205'000);
  CHECK(cost.step().nanoseconds() > 17'000'000);
  CHECK(cost.step().nanoseconds() < 19'000'000);
  CHECK(cost.Of(1000, 500) == cost.token() * 1000 + cost.step() * 2);
  CHECK(cost.Of(0, 500) == Duration());
}

TEST_CASE("a worker that becomes slower is believed within a few steps") {
  LearnedCost cost;
  for (int i = 0; i < 20; ++i) cost.Learn(500, Milliseconds(50));
  CHECK(cost.token() == Microseconds(100));
  for (int i = 0; i < 20; ++i) cost.Learn(500, Milliseconds(150));
  CHECK(cost.token() > Microseconds(270));
  CHECK(cost.token() <= Microseconds(300));
}

TEST_CASE("steps that make no sense do no harm") {
  LearnedCost cost;
  cost.Learn(0, Seconds(1));
  cost.Learn(100, Duration());
  CHECK_FALSE(cost.known());
  cost.Learn(10, Seconds(9));  // light ones slower than heavy ones
  cost.Learn(1000, Milliseconds(1));
  CHECK(cost.token() >= Nanoseconds(1));
  CHECK(cost.step() >= Duration());
}

TEST_CASE("a burst is seen before the worker says a word") {
  WorkerBacklog backlog;
  backlog.Hear(0, Instant());
  const Instant later = Instant() + Seconds(10);
  for (int i = 0; i < 4; ++i) backlog.Send(1000);
  CHECK(backlog.Estimate(later, Microseconds(100)) == 4000);
  backlog.Finish(1000);
  CHECK(backlog.Estimate(later, Microseconds(100)) == 3000);
  CHECK(backlog.own() == 3000);
}

TEST_CASE("what others sent is known by the worker's word and drains with time") {
  WorkerBacklog backlog;
  backlog.Hear(50'000, Instant());
  CHECK(backlog.Estimate(Instant(), Microseconds(100)) == 50'000);
  CHECK(backlog.Estimate(Instant() + Seconds(1), Microseconds(100)) == 40'000);
  backlog.Send(2000);
  CHECK(backlog.Estimate(Instant() + Seconds(1), Microseconds(100)) == 42'000);
  CHECK(backlog.Estimate(Instant() + Seconds(60), Microseconds(100)) == 2000);  // still ours
  backlog.Hear(9000, Instant() + Seconds(60));
  CHECK(backlog.Estimate(Instant() + Seconds(60), Microseconds(100)) == 9000);
}

TEST_CASE("requests that were there before the word finish before those sent after it") {
  WorkerBacklog backlog;
  backlog.Send(3000);
  backlog.Hear(3000, Instant());
  backlog.Send(1000);
  backlog.Finish(3000);
  CHECK(backlog.Estimate(Instant(), Microseconds(100)) == 1000);
  backlog.Finish(1000);
  CHECK(backlog.Estimate(Instant(), Microseconds(100)) == 0);
}

struct TwoWorkers {
  TwoWorkers() {
    for (uint32_t i = 0; i < 2; ++i) {
      views[i].node = NodeId(i + 1);
      views[i].holder = index.Join();
      views[i].step_tokens = 1000;
      views[i].cost.Learn(1000, Milliseconds(100));  // 100 us a token
      views[i].backlog.Hear(0, Instant());
      workers.push_back(&views[i]);
    }
    for (uint32_t block = 0; block < 60; ++block) chain.push_back({9, block});
  }
  FleetView fleet() const { return {.workers = workers, .index = index, .block_tokens = 16}; }
  RouteRequest request() const { return {RequestId(1), 1000, chain}; }
  void Hold(uint32_t worker, uint32_t blocks, Tier tier = Tier::kDevice) {
    for (uint32_t block = 0; block < blocks; ++block) {
      index.Publish(views[worker].holder, {.key = chain[block], .depth = block, .tier = tier});
    }
  }

  PrefixIndex index{{.bytes_max = 1 << 16}};
  WorkerView views[2];
  std::vector<const WorkerView*> workers;
  std::vector<BlockKey> chain;
};

TEST_CASE("the cost of a request is what waits before it and what is not cached, in nanoseconds") {
  TwoWorkers two;
  two.views[0].queued_tokens = 3000;
  two.views[0].backlog.Send(2000);
  two.Hold(0, 50);
  const RouteCost cost = CostAt(two.request(), two.fleet(), 0, {});
  CHECK(cost.hit_tokens == 800);
  CHECK(cost.work_tokens == 200);
  CHECK(cost.queue == Milliseconds(500));
  CHECK(cost.prefill == Milliseconds(20));
  CHECK(cost.ttft() == Milliseconds(520));
  CHECK(CostAt(two.request(), two.fleet(), 1, {}).ttft() == Milliseconds(100));
}

TEST_CASE("a prompt that is held completely still computes its last token") {
  TwoWorkers two;
  two.Hold(1, 60);
  const RouteRequest exact{RequestId(1), 960, two.chain};
  const RouteCost cost = CostAt(exact, two.fleet(), 1, {});
  CHECK(cost.hit_tokens == 959);
  CHECK(cost.work_tokens == 1);
}

TEST_CASE("blocks are fetched from another worker where that is cheaper than computing them") {
  TwoWorkers two;
  two.Hold(0, 50);
  two.Hold(1, 10);
  const RouteCost fetched =
      CostAt(two.request(), two.fleet(), 1, {.fetch_token = Microseconds(10)});
  CHECK(fetched.hit_tokens == 160);
  CHECK(fetched.fetch == Microseconds(10) * 640);
  CHECK(fetched.prefill == Milliseconds(20));
  CHECK(fetched.work_tokens == 200);
  CHECK(fetched.fetch_tokens == 640);
  const RouteCost call = CostAt(two.request(), two.fleet(), 1,
                                {.fetch_token = Microseconds(10), .fetch_call = Milliseconds(1)});
  CHECK(call.fetch == fetched.fetch + Milliseconds(1));
  const RouteCost computed =
      CostAt(two.request(), two.fleet(), 1, {.fetch_token = Microseconds(500)});
  CHECK(computed.fetch == Duration());
  CHECK(computed.prefill == Milliseconds(84));
}

TEST_CASE("blocks in the lower tier cost their way up") {
  TwoWorkers two;
  two.Hold(0, 50, Tier::kDram);
  two.Hold(0, 20);
  const RouteCost cost = CostAt(two.request(), two.fleet(), 0, {.promote_token = Microseconds(1)});
  CHECK(cost.fetch == Microseconds(480));
  CHECK(cost.prefill == Milliseconds(20));
}

}  // namespace
}  // namespace cairn
