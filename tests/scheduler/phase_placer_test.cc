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

TEST_CASE("a prompt stays away where its chunks are too slow for those who decode there") {
  RoutingHouse house = House(1000, 1000);
  const RoutingOptions routing{.ttft_slo = Seconds(5)};
  house.views[1].step_tokens = 256;
  // 100 ms and 25.6 ms a step, of which 80 % of the target is allowed.
  const auto place = [&](Duration tpot) {
    return PlacePrefill(Prompt(1000), house.fleet(), routing, {.tpot_slo = tpot});
  };
  for (WorkerView& view : house.views) view.live_requests = 1;
  CHECK(place(Milliseconds(125))->worker == 0);
  CHECK(place(Milliseconds(124))->worker == 1);
  CHECK(place(Milliseconds(32))->worker == 1);
  CHECK_FALSE(place(Milliseconds(31)).has_value());
  CHECK(place(Duration())->worker == 0);  // nothing was promised
  house.views[0].live_requests = 0;       // nobody is there to be slowed
  CHECK(place(Milliseconds(31))->worker == 0);
}

TEST_CASE("a decode goes where most KV is free") {
  RoutingHouse house = House(500, 600);
  CHECK(PlaceDecode(house.workers, 16, 100, std::nullopt, 95) == NodeId(2));
  CHECK(PlaceDecode(house.workers, 16, 100, NodeId(2), 95) == NodeId(1));
  CHECK(PlaceDecode(house.workers, 16, 9000, NodeId(2), 95) == std::nullopt);
  CHECK(PlaceDecode(house.workers, 16, 9000, NodeId(2), kAnyRoom) == NodeId(1));
  house.views[1].kv_tokens = 15'000;
  CHECK(PlaceDecode(house.workers, 16, 100, std::nullopt, 95) == NodeId(1));
  house.views[0].load = house.views[1].load;
  house.views[1].kv_tokens = 0;
  CHECK(PlaceDecode(house.workers, 16, 100, std::nullopt, 95) == NodeId(1));  // the lower one
  CHECK(PlaceDecode({}, 16, 1, std::nullopt, kAnyRoom) == std::nullopt);
}

TEST_CASE("a decode flows only into room that prompts do not need") {
  RoutingHouse house = House(600, 900);
  const DecodePace any;
  // Half of 16,000 tokens may be lent, what is used and what waits counted.
  CHECK(PlaceFlow(house.workers, 16, 1000, any, {}) == NodeId(2));
  CHECK(PlaceFlow(house.workers, 16, 6500, any, {}) == std::nullopt);
  house.views[1].queued_tokens = 5500;
  CHECK(PlaceFlow(house.workers, 16, 1000, any, {}) == NodeId(1));
  CHECK(PlaceFlow(house.workers, 16, 1700, any, {}) == std::nullopt);
  CHECK(PlaceFlow(house.workers, 16, 1700, any, {.lent_percent = 60}) == NodeId(2));
}

TEST_CASE("a decode flows only where it can afford the pace of full chunks") {
  RoutingHouse house(1);
  WorkerView& worker = house.views[0];
  worker.step_tokens = 1000;  // 100 ms a step
  const auto can = [&](uint32_t output, int64_t tpot_ms, int64_t target_ms) {
    return CanAfford({output, Milliseconds(tpot_ms), Milliseconds(target_ms)}, worker,
                     {.afford_tokens = 10, .late_percent = 100});
  };
  CHECK(can(1, 0, 100));  // a new one keeps its target there
  CHECK_FALSE(can(1, 0, 99));
  CHECK(can(91, 20, 28));  // 90 tokens of 20 ms and 10 of 100
  CHECK_FALSE(can(91, 20, 27));
  CHECK_FALSE(can(91, 50, 50));  // on time, with nothing saved
  CHECK(can(1, 0, 0));           // nothing was promised
  worker.load = {.device_slots = 1000, .device_slots_free = 1000};
  CHECK(PlaceFlow(house.workers, 16, 100, {91, Milliseconds(20), Milliseconds(40)}, {}) ==
        NodeId(1));
  CHECK_FALSE(PlaceFlow(house.workers, 16, 100, {91, Milliseconds(20), Milliseconds(25)}, {}));
}

TEST_CASE("a part of little KV is not rounded to none, and a part of KV without end has none") {
  CHECK(KvPart(96, 95) == 91);
  CHECK(KvPart(10, 50) == 5);
  CHECK(KvPart(10'000, 95) == 9500);
  CHECK(KvPart(UINT64_MAX, 95) > UINT64_MAX / 2);
  RoutingHouse house(1);
  house.views[0].load = {.device_slots = 6, .device_slots_free = 6};
  CHECK(PlaceDecode(house.workers, 16, 80, std::nullopt, 95) == NodeId(1));
  CHECK(PlaceDecode(house.workers, 16, 92, std::nullopt, 95) == std::nullopt);
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

}  // namespace
}  // namespace cairn
