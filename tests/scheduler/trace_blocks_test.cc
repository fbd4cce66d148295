// Blocks of another size or by other names share what they shared.
#include "scheduler/simulator/trace_blocks.h"

#include <catch2/catch.hpp>

#include "scheduler/simulator/trace_facts.h"
#include "scheduler/simulator/trace_mix.h"
#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

TEST_CASE("a larger block is named by the last of those in it") {
  Trace trace = OpenLoop({{1, 2, 3, 4}, {1, 2, 3, 9}, {1, 2, 3}});
  REQUIRE(Reblock(trace, 20).ok());
  CHECK(trace.block_tokens == 20);
  CHECK(trace.requests[0].blocks == std::vector<uint64_t>{2, 4});
  CHECK(trace.requests[1].blocks == std::vector<uint64_t>{2, 9});
  CHECK(trace.requests[2].blocks == std::vector<uint64_t>{2, 3});  // partial, as the prompt ends
}

TEST_CASE("a large block of which a part is unknown is left out") {
  Trace trace = OpenLoop({{1, 2, 3}});
  trace.requests[0].input_tokens = 38;  // 8 of them in no block
  REQUIRE(Reblock(trace, 20).ok());
  CHECK(trace.requests[0].blocks == std::vector<uint64_t>{2});
}

TEST_CASE("smaller blocks share exactly as many tokens") {
  Trace trace = OpenLoop({{1, 2, 3}, {1, 2, 4}, {1, 2, 3}});
  trace.requests[1].input_tokens = 27;
  const TraceFacts before = FactsOf(trace, {});
  REQUIRE(Reblock(trace, 5).ok());
  REQUIRE(CheckTrace(trace).ok());
  CHECK(trace.requests[0].blocks.size() == 6);
  CHECK(trace.requests[1].blocks.size() == 6);
  CHECK(trace.requests[0].blocks[3] == trace.requests[1].blocks[3]);
  CHECK(trace.requests[0].blocks[4] != trace.requests[1].blocks[4]);
  CHECK(FactsOf(trace, {}).token_hits == Approx(before.token_hits));
}

TEST_CASE("sizes that do not divide each other are refused") {
  Trace trace = OpenLoop({{1}});
  CHECK(std::string(Reblock(trace, 15).message()) ==
        "open loop: blocks of 10 tokens cannot become blocks of 15: neither divides the other");
  CHECK_FALSE(Reblock(trace, 0).ok());
}

TEST_CASE("other ids share the same, and come from the seed") {
  const Trace trace = OpenLoop({{1, 2, 3}, {1, 2, 4}, {5}, {1, 2, 3}});
  Trace permuted = trace, again = trace, other = trace;
  PermuteIds(permuted, 1);
  PermuteIds(again, 1);
  PermuteIds(other, 2);
  CHECK(permuted.requests == again.requests);
  CHECK(permuted.requests != other.requests);
  CHECK(permuted.requests[0].blocks == permuted.requests[3].blocks);
  CHECK(FactsOf(permuted, {}).token_hits == FactsOf(trace, {}).token_hits);
  CHECK(FactsOf(permuted, {}).distinct_blocks == FactsOf(trace, {}).distinct_blocks);
}

TEST_CASE("a repeated trace has the same shape and shares nothing with itself") {
  Trace trace = OpenLoop({{1, 2}, {1, 3}});
  trace.requests[1].previous = 0;
  trace.requests[1].session = 0;
  const TraceFacts once = FactsOf(trace, {});
  REQUIRE(RepeatTo(trace, 6, 1).ok());
  REQUIRE(CheckTrace(trace).ok());
  CHECK(ArrivalSeconds(trace) == std::vector<double>{0, 1, 2, 3, 4, 5});
  CHECK(trace.requests[5].previous == 4u);
  const TraceFacts facts = FactsOf(trace, {});
  CHECK(facts.token_hits == once.token_hits);
  CHECK(facts.distinct_blocks == 3 * once.distinct_blocks);
  CHECK(facts.sessions == 3);
  CHECK_FALSE(RepeatTo(trace, 5, 1).ok());
}

TEST_CASE("mixed traces keep their times and share nothing") {
  Trace a = OpenLoop({{1, 2}, {1, 3}}), b = OpenLoop({{1, 2}, {1, 2}});
  a.name = "a";
  b.name = "b";
  b.history = {"read b"};
  b.requests[1].previous = 0;
  b.requests[1].session = 0;
  for (TraceRequest& request : b.requests) request.arrival = request.arrival + Milliseconds(500);
  const absl::StatusOr<Trace> mixed = MixTraces({a, b});
  REQUIRE(mixed.ok());
  REQUIRE(CheckTrace(*mixed).ok());
  CHECK(mixed->name == "a + b");
  CHECK(ArrivalSeconds(*mixed) == std::vector<double>{0, 0.5, 1, 1.5});
  CHECK(mixed->requests[0].tenant != mixed->requests[1].tenant);
  CHECK(mixed->requests[0].blocks != mixed->requests[1].blocks);
  CHECK(mixed->requests[1].blocks == mixed->requests[3].blocks);
  CHECK(mixed->requests[3].previous == 1u);
  CHECK(mixed->history == std::vector<std::string>{"b: read b", "mixed: 4 requests"});
  b.block_tokens = 20;
  CHECK_FALSE(MixTraces({a, b}).ok());
  CHECK_FALSE(MixTraces({}).ok());
}

}  // namespace
}  // namespace cairn
