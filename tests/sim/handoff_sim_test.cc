#include <catch2/catch.hpp>

#include "tests/sim/handoff_sim.h"

namespace cairn::sim {
namespace {

TEST_CASE(
    "whoever goes on with a request, and whatever is lost on the way, its client gets the text "
    "that "
    "its tokens imply, and nothing stays lent") {
  HandoffResult sum;
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    const HandoffResult result = HandoffSim(DrawHandoffOptions(seed)).Run();
    INFO("seed " << seed << " " << result.checker << ": " << result.what);
    REQUIRE(result.passed());
    sum.handoffs += result.handoffs;
    sum.blocks_fetched += result.blocks_fetched;
    sum.partial_blocks += result.partial_blocks;
    sum.fetched_ahead += result.fetched_ahead;
    sum.refused += result.refused;
    sum.damaged += result.damaged;
    sum.resumed_after_death += result.resumed_after_death;
    sum.prefixes += result.prefixes;
  }
  // The seeds are worth nothing if they do not go where it is dangerous.
  CHECK(sum.handoffs > 10000);
  CHECK(sum.blocks_fetched > 10000);
  CHECK(sum.partial_blocks > 5000);
  CHECK(sum.fetched_ahead > 1000);
  CHECK(sum.refused > 300);
  CHECK(sum.damaged > 300);
  CHECK(sum.resumed_after_death > 300);
  CHECK(sum.prefixes.fetches > 3000);
  CHECK(sum.prefixes.blocks_arrived > 2000);
  CHECK(sum.prefixes.blocks_late > 300);
  CHECK(sum.prefixes.blocks_absent > 300);
  CHECK(sum.prefixes.blocks_refused > 100);
}

TEST_CASE("a handoff's seed is replayed event by event") {
  const auto story = [](uint64_t seed) {
    std::string text;
    HandoffSim(DrawHandoffOptions(seed), [&](const std::string& line) {
      text += line + "\n";
    }).Run();
    return text;
  };
  for (uint64_t seed = 1; seed <= 20; ++seed) REQUIRE(story(seed) == story(seed));
}

}  // namespace
}  // namespace cairn::sim
