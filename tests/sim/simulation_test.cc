#include <catch2/catch.hpp>

#include "tests/sim/worker_sim.h"

namespace cairn::sim {
namespace {

TEST_CASE(
    "whatever the sizes, cancels, preemptions, evictions and faults, every client gets the text "
    "that its tokens imply") {
  WorkerLoad sum;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    const SimOptions options = DrawOptions(seed);
    const SimResult result = WorkerSim(options).Run();
    INFO(options << "\n" << result.checker << ": " << result.what);
    REQUIRE(result.passed());
    sum.steps += result.load.steps;
    sum.preemptions += result.load.preemptions;
    sum.hit_device_tokens += result.load.hit_device_tokens;
    sum.hit_dram_tokens += result.load.hit_dram_tokens;
    sum.blocks_evicted_device += result.load.blocks_evicted_device;
    sum.blocks_demoted += result.load.blocks_demoted;
    sum.blocks_promoted += result.load.blocks_promoted;
    sum.checksum_failures += result.load.checksum_failures;
  }
  // The seeds are worth nothing if they do not go where it is dangerous.
  CHECK(sum.preemptions > 1000);
  CHECK(sum.hit_device_tokens > 10000);
  CHECK(sum.hit_dram_tokens > 1000);
  CHECK(sum.blocks_evicted_device > 10000);
  CHECK(sum.blocks_demoted > 1000);
  CHECK(sum.blocks_promoted > 500);
  CHECK(sum.checksum_failures > 20);
}

TEST_CASE("a seed is replayed event by event") {
  const auto story = [](uint64_t seed) {
    std::string text;
    WorkerSim(DrawOptions(seed), [&](const std::string& line) { text += line + "\n"; }).Run();
    return text;
  };
  for (uint64_t seed = 1; seed <= 20; ++seed) REQUIRE(story(seed) == story(seed));
}

}  // namespace
}  // namespace cairn::sim
