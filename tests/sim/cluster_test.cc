// The deterministic cluster test: schedulers, workers, stores and links against a hostile world.
#include <catch2/catch.hpp>

#include "tests/sim/cluster/cluster_sim.h"

namespace cairn::sim {
namespace {

TEST_CASE(
    "whatever dies, returns, is cut off, lost, repeated or late, every client gets the right text "
    "once "
    "and in order, every request ends, and nothing is left behind") {
  ClusterTally sum;
  for (uint64_t seed = 1; seed <= 6000; ++seed) {
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
  CHECK(sum.resyncs > 1000);
  CHECK(sum.snapshots > 1000);
  CHECK(sum.hit_tokens > 10000);
  CHECK(sum.lost > 10000);
  CHECK(sum.repeated > 10000);
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
