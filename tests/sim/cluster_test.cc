// The deterministic cluster test: schedulers, workers with and without roles, stores and links
// against a hostile world.
#include <catch2/catch.hpp>

#include "tests/sim/cluster/cluster_sim.h"

namespace cairn::sim {
namespace {

TEST_CASE(
    "whatever dies, returns, is cut off, handed over, lent, tuned, lost, repeated or late, every "
    "client gets the right text once and in order, every request ends, and nothing is left "
    "behind") {
  ClusterTally sum;
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    const ClusterSimOptions options = DrawClusterOptions(seed);
    const ClusterSimResult result = ClusterSim(options).Run();
    INFO(options << "\n" << result.checker << ": " << result.what);
    REQUIRE(result.passed());
    sum += result.tally;
  }
  // The seeds are worth nothing if they do not go where it is dangerous.
  CHECK(sum.kills > 1000);
  CHECK(sum.cuts > 1000);
  CHECK(sum.joins > 8000);
  CHECK(sum.runs_again > 1000);
  CHECK(sum.cut_off > 200);
  CHECK(sum.shed > 200);
  CHECK(sum.moved > 20);
  CHECK(sum.asks > 5000);
  CHECK(sum.asks_late > 1000);
  CHECK(sum.found_by_asking > 1000);
  CHECK(sum.resyncs > 1000);
  CHECK(sum.snapshots > 1000);
  CHECK(sum.hit_tokens > 10000);
  CHECK(sum.lost > 10000);
  CHECK(sum.repeated > 10000);
  CHECK(sum.handoffs.begun > 5000);
  CHECK(sum.handoffs.finished > 3000);
  CHECK(sum.handoffs.broken_by_death > 1000);
  CHECK(sum.handoffs.broken_by_cut > 300);
  CHECK(sum.handoffs.flowed > 500);
  CHECK(sum.handoffs.flowed_back > 200);
  CHECK(sum.fetches > 5000);
  CHECK(sum.fetches_empty > 1500);
  CHECK(sum.fetches_cut > 500);
  CHECK(sum.fetches_stale > 500);
  CHECK(sum.blocks_fetched > 10000);
  CHECK(sum.tunings > 2000);
  CHECK(sum.lenders_named > 2000);
  CHECK(sum.prefixes_struck > 500);
  CHECK(sum.prefixes.fetches > 1000);
  CHECK(sum.prefixes.blocks_arrived > 2000);
  CHECK(sum.prefixes.blocks_late > 1000);
  CHECK(sum.prefixes.blocks_absent > 300);
  CHECK(sum.prefixes.blocks_refused > 100);
}

TEST_CASE("a seed of a cluster is replayed event by event") {
  const auto story = [](uint64_t seed) {
    std::string text;
    ClusterSim(DrawClusterOptions(seed), [&](const std::string& line) {
      text += line + "\n";
    }).Run();
    return text;
  };
  for (uint64_t seed = 1; seed <= 10; ++seed) REQUIRE(story(seed) == story(seed));
}

}  // namespace
}  // namespace cairn::sim
