#include "kvstore/tier/move_planner.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

Move Between(Tier from, Tier to, uint32_t block) {
  return {.block = HeldId(block), .from = from, .to = to};
}

TEST_CASE("moves go out in order, promotions first, never more than the budget") {
  MovePlanner planner({.in_flight_max = 2});
  planner.Plan(Between(Tier::kDevice, Tier::kDram, 1));
  planner.Plan(Between(Tier::kDevice, Tier::kDram, 2));
  planner.Plan(Between(Tier::kDram, Tier::kDevice, 3));
  const Move first = *planner.NextMove();
  const Move second = *planner.NextMove();
  CHECK(first.block == HeldId(3));
  CHECK(second.block == HeldId(1));
  CHECK_FALSE(planner.NextMove().has_value());
  CHECK(planner.outstanding() == 3);
  CHECK(planner.Finish(first.id).block == HeldId(3));
  CHECK(planner.NextMove()->block == HeldId(2));
  CHECK(planner.in_flight() == 2);
}

}  // namespace
}  // namespace cairn
