// The made-up workload has the sizes that it promises.
#include "scheduler/simulator/skewed_trace.h"

#include <catch2/catch.hpp>
#include <map>

#include "scheduler/simulator/trace_facts.h"

namespace cairn {
namespace {

TEST_CASE("two prefixes are hot, and three quarters of blocks can be reused") {
  const Trace trace = MakeSkewedTrace(9000, 5).value();
  REQUIRE(CheckTrace(trace).ok());
  const TraceFacts facts = FactsOf(trace, {});
  CHECK(facts.requests == 9000);
  CHECK(facts.mean_rps == Approx(6.667).epsilon(0.001));
  CHECK(facts.input.mean == Approx(7460).epsilon(0.05));
  CHECK(facts.block_hits == Approx(0.76).epsilon(0.03));
  CHECK(facts.first_block_requests == 1.0);
  std::map<uint64_t, size_t> seconds;
  for (const TraceRequest& request : trace.requests) ++seconds[request.blocks[1]];
  // The first block behind the common one of each hot prefix.
  CHECK(static_cast<double>(seconds[1]) / 9000 == Approx(0.21).epsilon(0.1));
  CHECK(static_cast<double>(seconds[13]) / 9000 == Approx(0.17).epsilon(0.1));
}

TEST_CASE("the seed decides the workload") {
  CHECK(MakeSkewedTrace(500, 5)->requests == MakeSkewedTrace(500, 5)->requests);
  CHECK(MakeSkewedTrace(500, 5)->requests != MakeSkewedTrace(500, 6)->requests);
  CHECK_FALSE(MakeSkewedTrace(0, 5).ok());
  CHECK_FALSE(MakeSkewedTrace(6'000'000, 5).ok());
}

}  // namespace
}  // namespace cairn
