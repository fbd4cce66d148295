#include "scheduler/core/sent_work.h"

#include <catch2/catch.hpp>

#include "tests/scheduler/routing_house.h"

namespace cairn {
namespace {

TEST_CASE("work that was sent counts for a window and is then forgotten, slice by slice") {
  RoutingHouse house(2);
  SentWork sent(Seconds(12));
  sent.Learn(house.fleet());
  sent.Add(0, Seconds(3));
  house.now = Instant() + Seconds(5);
  sent.Learn(house.fleet());
  sent.Add(0, Seconds(1));
  CHECK(sent.Of(0) == Seconds(4));
  CHECK(sent.Of(1) == Duration());
  CHECK(sent.mean() == Seconds(2));
  house.now = Instant() + Seconds(12);
  sent.Learn(house.fleet());
  CHECK(sent.Of(0) == Seconds(1));
  house.now = Instant() + Seconds(500);
  sent.Learn(house.fleet());
  CHECK(sent.Of(0) == Duration());
  CHECK(sent.mean() == Duration());
}

TEST_CASE("a new worker begins with the mean, so that it is not flooded") {
  RoutingHouse house(4);
  SentWork sent(Seconds(12));
  const std::vector<const WorkerView*> all = house.workers;
  house.workers.resize(3);
  FleetView three = house.fleet();
  sent.Learn(three);
  for (size_t worker = 0; worker < 3; ++worker) sent.Add(worker, Seconds(6));
  FleetView four{.workers = all, .index = house.index, .membership = 2, .now = house.now};
  sent.Learn(four);
  CHECK(sent.Of(0) == Seconds(6));
  CHECK(sent.Of(3) == Seconds(6));
  CHECK(sent.mean() == Seconds(6));
}

TEST_CASE("what goes elsewhere after all is taken back") {
  RoutingHouse house(4);
  const std::vector<BlockKey> chain = MakeChain(1, 20);
  const RouteChoice first = house.Route(1, chain);
  house.policy->TakeBack(first);
  const RouteChoice again = house.Route(1, chain);
  CHECK(again.worker == first.worker);
  CHECK(house.Route(2, chain).worker != first.worker);
}

}  // namespace
}  // namespace cairn
