#include "scheduler/core/rebalance.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/scheduler/routing_house.h"

namespace cairn {
namespace {

// A line of requests of 10,000 tokens (a second each) on worker 0, with worker 1 as the other home.
std::vector<Movable> Line(RoutingHouse& house, size_t requests, size_t other = 1) {
  std::vector<Movable> line;
  for (size_t i = 0; i < requests; ++i) {
    line.push_back({.request = RequestId(i + 1),
                    .work_tokens = 10'000,
                    .elsewhere = {{.worker = other, .work_tokens = 10'000}}});
  }
  house.views[0].queued_tokens = 10'000 * requests;
  return line;
}

std::vector<uint64_t> Moved(const std::vector<Migration>& migrations) {
  std::vector<uint64_t> ids;
  for (const Migration& move : migrations) ids.push_back(move.request.value());
  return ids;
}

TEST_CASE("a line that is not overloaded is left alone") {
  RoutingHouse house(2);
  CHECK(PlanRebalance(house.fleet(), 0, Line(house, 5), {}).empty());
}

TEST_CASE("those who gain most move first, until the line is no longer overloaded") {
  RoutingHouse house(2);
  const auto moves = PlanRebalance(house.fleet(), 0, Line(house, 8), {});
  CHECK(Moved(moves) == std::vector<uint64_t>{8, 7, 6});  // 8 s of work, 5 s allowed
  for (const Migration& move : moves) CHECK(move.to == 1);
}

TEST_CASE("nobody moves where it would wait as long") {
  RoutingHouse house(2);
  house.views[1].queued_tokens = 48'000;
  const auto moves = PlanRebalance(house.fleet(), 0, Line(house, 6), {});
  CHECK(Moved(moves) == std::vector<uint64_t>{6});  // 6 s here, 5.8 s there
  house.views[1].queued_tokens = 55'000;
  CHECK(PlanRebalance(house.fleet(), 0, Line(house, 9), {}).empty());  // overloaded itself
}

TEST_CASE("what a request would lose in cache counts against the move") {
  RoutingHouse house(2);
  auto line = Line(house, 6);
  for (Movable& movable : line) movable.elsewhere[0].work_tokens = 70'000;
  CHECK(PlanRebalance(house.fleet(), 0, line, {}).empty());
  line[2].elsewhere[0].work_tokens = 10'000;
  CHECK(Moved(PlanRebalance(house.fleet(), 0, line, {})) == std::vector<uint64_t>{3});
}

TEST_CASE("a policy for which work weighs more leaves a request at its cache for longer") {
  RoutingHouse house(2);
  auto line = Line(house, 9);
  for (Movable& movable : line) movable.elsewhere[0].work_tokens = 20'000;  // a second more
  CHECK_FALSE(PlanRebalance(house.fleet(), 0, line, {}).empty());
  CHECK(PlanRebalance(house.fleet(), 0, line, {.work_percent = 1200}).empty());
  line[4].elsewhere[0].work_tokens = 10'000;
  CHECK(Moved(PlanRebalance(house.fleet(), 0, line, {.work_percent = 1200})) ==
        std::vector<uint64_t>{5});
}

TEST_CASE("what is on the worker already is waited for, and a round has an end") {
  RoutingHouse house(2);
  house.views[0].backlog.Send(500'000);
  const auto moves = PlanRebalance(house.fleet(), 0, Line(house, 20), {.moves_max = 4});
  CHECK(moves.size() == 4);
  CHECK(Moved(moves)[0] == 20);
}

TEST_CASE("a request without another home stays") {
  RoutingHouse house(2);
  auto line = Line(house, 9);
  for (Movable& movable : line) movable.elsewhere.clear();
  CHECK(PlanRebalance(house.fleet(), 0, line, {}).empty());
}

}  // namespace
}  // namespace cairn
