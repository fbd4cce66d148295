// What is said of a trace, against what counting by hand says.
#include "scheduler/simulator/trace_facts.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <list>

#include "kvstore/base/prng.h"
#include "scheduler/simulator/arrival_shape.h"
#include "scheduler/simulator/reuse_distance.h"
#include "scheduler/simulator/step_profile.h"
#include "scheduler/simulator/trace_file.h"
#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

TEST_CASE("hits are counted from a prompt's first block on") {
  // Of the third prompt only block 1 is a hit: 3 is known, but behind 1 and 2.
  const Trace trace = OpenLoop({{1, 2, 3}, {1, 2}, {1, 4, 3}, {7}});
  const TraceFacts facts = FactsOf(trace, {});
  CHECK(facts.blocks == 9);
  CHECK(facts.distinct_blocks == 5);
  CHECK(facts.blocks_used_once == 2);
  CHECK(facts.block_hits == Approx(3.0 / 9));
  CHECK(facts.token_hits == Approx(30.0 / 90));
  CHECK(facts.request_hits == Approx((0 + 1 + 1.0 / 3 + 0) / 4));
  CHECK(facts.requests_without_hit == 0.5);
  CHECK(facts.first_block_requests == 0.75);
  CHECK(facts.first_block_hits == Approx(2.0 / 3));
}

TEST_CASE("a whole prompt is never cached: its last token is computed") {
  const TraceFacts facts = FactsOf(OpenLoop({{1, 2}, {1, 2}}), {});
  CHECK(facts.missed_tokens.min == 1);
  CHECK(facts.missed_tokens.max == 20);
}

TEST_CASE("percentiles are values that occur") {
  std::vector<uint64_t> values;
  for (uint64_t i = 1; i <= 100; ++i) values.push_back(101 - i);
  const Distribution d = DistributionOf(values);
  CHECK(d.mean == 50.5);
  CHECK(d.min == 1);
  CHECK(d.p10 == 10);
  CHECK(d.p50 == 50);
  CHECK(d.p99 == 99);
  CHECK(d.max == 100);
  CHECK(DistributionOf({7}).p10 == 7);
  CHECK(DistributionOf({}).max == 0);
}

TEST_CASE("a closed loop is taken in the order in which it would run") {
  Trace trace = OpenLoop({{1}, {2}, {3}});
  for (TraceRequest& request : trace.requests) request.arrival = Instant();
  trace.requests[1].session = trace.requests[0].session;
  trace.requests[1].previous = 0;
  trace.requests[1].think = Seconds(10);
  trace.requests[2].arrival = Instant() + Seconds(4);
  CHECK(NominalArrivals(trace)[1] == Instant() + Seconds(10));
  const TraceFacts facts = FactsOf(trace, {});
  CHECK(facts.span == Seconds(10));
  CHECK(facts.mean_rps == Approx(0.2));
  CHECK(facts.waiting_requests == 1);
  CHECK(facts.sessions == 2);
}

// A cache as a list: the oldest at the back.
class ListCache {
 public:
  explicit ListCache(size_t blocks) : blocks_(blocks) {}

  size_t Use(const std::vector<uint64_t>& prompt) {
    size_t hit = 0;
    while (hit < prompt.size() && std::find(list_.begin(), list_.end(), prompt[hit]) != list_.end())
      ++hit;
    for (size_t i = prompt.size(); i-- > 0;) {
      list_.remove(prompt[i]);
      list_.push_front(prompt[i]);
    }
    while (list_.size() > blocks_) list_.pop_back();
    return hit;
  }

 private:
  size_t blocks_;
  std::list<uint64_t> list_;
};

std::vector<std::vector<uint64_t>> RandomPrompts(uint64_t seed, size_t count) {
  Prng prng(seed);
  std::vector<std::vector<uint64_t>> prompts;
  for (size_t i = 0; i < count; ++i) {
    std::vector<uint64_t> prompt;
    if (!prompts.empty() && prng.Chance(0.7)) prompt = prompts[prng.Below(prompts.size())];
    prompt.resize(prng.Below(prompt.size() + 1));
    while (prompt.empty() || prng.Chance(0.7)) prompt.push_back(prng.Next());
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

TEST_CASE("the hit rate of every cache size is that of a cache of that size") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const auto prompts = RandomPrompts(seed, 200);
    const std::vector<uint64_t> capacities = {0, 10, 20, 50, 100, 200, 500, 1000, 5000};
    const TraceFacts facts = FactsOf(OpenLoop(prompts), capacities);
    REQUIRE(facts.lru.size() == capacities.size());
    for (size_t i = 0; i < capacities.size(); ++i) {
      ListCache cache(capacities[i] / 10);
      size_t hits = 0;
      for (const auto& prompt : prompts) hits += cache.Use(prompt);
      INFO("seed " << seed << ", " << capacities[i] << " tokens");
      CHECK(facts.lru[i].block_hits ==
            Approx(static_cast<double>(hits) / static_cast<double>(facts.blocks)));
    }
    CHECK(facts.lru.back().block_hits <= facts.block_hits);
  }
}

TEST_CASE("reuse distances stay right when uses are numbered anew") {
  // 300 prompts of 1,000 blocks each: over 65,536 uses, several times.
  ReuseDistance distance;
  std::vector<uint32_t> blocks(1000);
  for (uint32_t round = 0; round < 300; ++round) {
    for (uint32_t i = 0; i < blocks.size(); ++i) blocks[i] = (round % 3) * 1000 + i;
    const auto distances = distance.Use(blocks);
    if (round < 3) {
      CHECK_FALSE(distances[0].has_value());
      continue;
    }
    REQUIRE(distances[0] == 2000u);
    REQUIRE(distances[999] == 2999u);
  }
  CHECK(distance.distinct_blocks() == 3000);
}

TEST_CASE("the work bound is workers over the mean work of what no cache can spare") {
  StepProfile profile;
  profile.prefill_fixed_ms = 20;
  profile.prefill_token_ms = 1;
  profile.decode_sequence_ms = 2;
  profile.mix = StepMix::kSum;
  const StepCost cost(profile);
  Trace trace = OpenLoop({{1, 2}, {1, 2}, {1, 3}});
  for (TraceRequest& request : trace.requests) request.output_tokens = 11;
  // Prefill: 20 + 20, 20 + 1, 20 + 10 ms. Decode: 10 steps of 2 ms a sequence.
  WorkBound bound = WorkBoundOf(trace, cost, 2, 4);
  CHECK(bound.prefill_rps == Approx(2 / (0.091 / 3)));
  CHECK(bound.serve_rps == Approx(2 / (0.091 / 3 + 0.020)));
  // The first request warms the cache up.
  trace.measured_from = trace.requests[1].arrival;
  bound = WorkBoundOf(trace, cost, 2, 4);
  CHECK(bound.prefill_rps == Approx(2 / (0.051 / 2)));
}

Trace Public(const std::string& path) {
  absl::StatusOr<Trace> trace = ReadTraceFile(path, "", {});
  INFO(trace.status());
  REQUIRE(trace.ok());
  return *std::move(trace);
}

TEST_CASE("the Mooncake conversation trace is what its notes say") {
  const auto path = PublicTrace("the Mooncake facts", "mooncake/conversation_dev_first1770s.jsonl");
  if (!path.has_value()) return;
  Trace trace = Public(*path);
  const std::vector<uint64_t> capacities = {500'000, 2'560'000, 5'120'000, 10'240'000, 25'600'000};
  const TraceFacts facts = FactsOf(trace, capacities);
  CHECK(facts.requests == 5606);
  CHECK(facts.first_block_requests == 1.0);  // every request begins with block 0
  CHECK(facts.same_instant_share == Approx(0.9).margin(0.02));
  // Its first half; counted a second time by other means. 0.114 is the whole hour's too.
  CHECK(facts.first_block_hits == Approx(0.114176).epsilon(1e-5));
  CHECK(facts.block_hits == Approx(0.340248).epsilon(1e-5));
  CHECK(facts.token_hits == Approx(0.346508).epsilon(1e-5));
  CHECK(facts.request_hits == Approx(0.383958).epsilon(1e-5));
  CHECK(facts.distinct_blocks == 95'189);
  CHECK(facts.input.mean == Approx(12'934.54));
  CHECK(facts.output.p50 == Approx(350).epsilon(0.05));
  for (size_t i = 1; i < facts.lru.size(); ++i) {
    CHECK(facts.lru[i].token_hits > facts.lru[i - 1].token_hits);
  }
  SpreadTicks(trace, TickSpread::kDetect, 1);
  CHECK(trace.history.back() == "spread ticks of 3 s evenly over each");
  CHECK(FactsOf(trace, {}).token_hits == facts.token_hits);
  // 16 servers of 20 ms + 0.16 ms a token that is not cached, prompts of up to 20,480 tokens.
  DropLongInputs(trace, 20'480);
  CHECK(trace.requests.size() == 4582);
  const StepCost dualmap(FindStepProfile("dualmap-7b").value());
  CHECK(WorkBoundOf(trace, dualmap, 16, 1).prefill_rps == Approx(21.1976).epsilon(1e-4));
}

TEST_CASE("the agent sessions are what their notes say") {
  const auto path = PublicTrace("the session facts", "claude_code_sessions/dev.jsonl");
  if (!path.has_value()) return;
  Trace trace = Public(*path);
  const TraceFacts facts = FactsOf(trace, {});
  CHECK(facts.sessions == 322);
  CHECK(facts.token_hits == Approx(0.962).margin(0.02));
  CHECK(facts.missed_tokens.p50 == Approx(732).epsilon(0.2));
  CHECK(facts.waiting_requests > facts.requests - 322 - 30);
  REQUIRE(PoissonArrivals(trace, 1, 1).ok());
  CHECK(CheckTrace(trace).ok());
}

TEST_CASE("the Azure and ServeGen tables are read and drawn") {
  if (const auto path =
          PublicTrace("the Azure facts", "azure_llm_2023/AzureLLMInferenceTrace_conv.csv")) {
    const TraceFacts facts = FactsOf(Public(*path), {});
    CHECK(facts.requests == 19'366);
    CHECK(facts.mean_rps == Approx(5.53).epsilon(0.01));
    CHECK(facts.input.p50 == 1020);
    CHECK(facts.output.p90 == 424);
  }
  if (const auto path = PublicTrace("the ServeGen facts", "servegen/rates_dev.csv.gz")) {
    TraceReadOptions options;
    options.servegen.workload = "language/m-large";
    options.servegen.length = Seconds(600);
    const absl::StatusOr<Trace> trace = ReadTraceFile(*path, "", options);
    INFO(trace.status());
    REQUIRE(trace.ok());
    CHECK(FactsOf(*trace, {}).tenants > 40);
  }
}

}  // namespace
}  // namespace cairn
