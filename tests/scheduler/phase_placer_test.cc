#include "scheduler/core/phase_placer.h"

#include <catch2/catch.hpp>

#include "tests/scheduler/routing_house.h"

namespace cairn {
namespace {

// Two workers of 1,000 blocks of 16 tokens, of which so many are free.
RoutingHouse House(uint32_t free_one, uint32_t free_two) {
  RoutingHouse house(2);
  house.views[0].load = {.device_slots = 1000, .device_slots_free = free_one};
  house.views[1].load = {.device_slots = 1000, .device_slots_free = free_two};
  return house;
}

RouteRequest Prompt(uint32_t tokens) { return {RequestId(1), tokens, {}}; }

TEST_CASE("a decode-heavy worker takes the prompts that are early enough there") {
  RoutingHouse house = House(1000, 1000);
  const RoutingOptions routing{.ttft_slo = Milliseconds(500)};
  // 100 us a token: 4,000 tokens take 400 ms, 6,000 are late.
  REQUIRE(PlacePrefill(Prompt(4000), house.fleet(), routing, {}).has_value());
  CHECK_FALSE(PlacePrefill(Prompt(6000), house.fleet(), routing, {}).has_value());
  CHECK_FALSE(
      PlacePrefill(Prompt(4000), house.fleet(), routing, {.slack_percent = 50}).has_value());
  CHECK_FALSE(
      PlacePrefill(Prompt(10), house.fleet(), routing, {.length_aware = false}).has_value());
  // What is ahead counts: the other one is taken, then none.
  house.views[0].backlog.Send(3000);
  CHECK(PlacePrefill(Prompt(4000), house.fleet(), routing, {})->worker == 1);
  house.views[1].backlog.Send(3000);
  CHECK_FALSE(PlacePrefill(Prompt(4000), house.fleet(), routing, {}).has_value());
}

TEST_CASE("a worker without a chunk or without room takes no prompt") {
  RoutingHouse house = House(1000, 200);
  house.views[0].step_tokens = 0;
  const RoutingOptions routing{.ttft_slo = Seconds(5)};
  CHECK_FALSE(PlacePrefill(Prompt(4000), house.fleet(), routing, {}).has_value());
  CHECK(PlacePrefill(Prompt(2000), house.fleet(), routing, {})->worker == 1);
  house.views[1].kv_tokens = 14'000;  // more than it has said itself
  CHECK_FALSE(PlacePrefill(Prompt(2000), house.fleet(), routing, {}).has_value());
}

TEST_CASE("a decode goes where most KV is free") {
  RoutingHouse house = House(500, 600);
  CHECK(PlaceDecode(house.workers, 16, 100, std::nullopt, true, {}) == NodeId(2));
  CHECK(PlaceDecode(house.workers, 16, 100, NodeId(2), true, {}) == NodeId(1));
  CHECK(PlaceDecode(house.workers, 16, 9000, NodeId(2), true, {}) == std::nullopt);
  CHECK(PlaceDecode(house.workers, 16, 9000, NodeId(2), false, {}) == NodeId(1));
  house.views[1].kv_tokens = 15'000;
  CHECK(PlaceDecode(house.workers, 16, 100, std::nullopt, true, {}) == NodeId(1));
  house.views[0].load = house.views[1].load;
  house.views[1].kv_tokens = 0;
  CHECK(PlaceDecode(house.workers, 16, 100, std::nullopt, true, {}) == NodeId(1));  // the lower one
  CHECK(PlaceDecode({}, 16, 1, std::nullopt, false, {}) == std::nullopt);
}

TEST_CASE("above the watermark the longest outputs flow, as many as it takes") {
  const std::vector<FlowCandidate> decodes = {
      {RequestId(1), 1, 50, 1000}, {RequestId(2), 2, 90, 400}, {RequestId(3), 3, 90, 400}};
  using Flow = std::vector<RequestId>;
  CHECK(PlanFlow(decodes, 9500, 0, 10'000, {}) == Flow{});
  CHECK(PlanFlow(decodes, 9600, 0, 10'000, {}) == Flow{RequestId(2)});
  CHECK(PlanFlow(decodes, 10'000, 0, 10'000, {}) == Flow{RequestId(2), RequestId(3)});
  CHECK(PlanFlow(decodes, 10'000, 500, 10'000, {}) == Flow{});  // enough are on their way
  CHECK(PlanFlow(decodes, 20'000, 0, 10'000, {}).size() == 3);
}

TEST_CASE("a decode flows back before its mean misses the target") {
  const PhaseOptions phases{.backflow_percent = 96};
  CHECK_FALSE(FlowsBack(Milliseconds(95), Milliseconds(100), phases));
  CHECK(FlowsBack(Milliseconds(96), Milliseconds(100), phases));
  CHECK_FALSE(FlowsBack(Seconds(9), Duration(), phases));  // nothing was promised
}

}  // namespace
}  // namespace cairn
