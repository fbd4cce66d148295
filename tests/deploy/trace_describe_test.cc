// What `cairn trace describe` prints.
#include "deploy/cli/trace_describe.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "deploy/cli/trace_flags.h"
#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

Trace SomeTrace() {
  Trace trace = OpenLoop({{1, 2, 3}, {1, 2}, {1, 4, 3}, {7}});
  trace.name = "some.jsonl";
  trace.history = {"read some.jsonl"};
  return trace;
}

const std::vector<uint64_t> kCapacities = {20, 1000};

TEST_CASE("the text says what was read, how much is shared, and draws the curve") {
  const Trace trace = SomeTrace();
  const std::string text = DescribeAsText(trace, FactsOf(trace, kCapacities));
  INFO(text);
  CHECK(text.find("some.jsonl\n  · read some.jsonl\n") == 0);
  CHECK(text.find("requests          4 in 3.0 s, 1 a second") != std::string::npos);
  CHECK(text.find("33.3 % of tokens") != std::string::npos);
  CHECK(text.find("75.0 % of prompts begin with the same one") != std::string::npos);
  CHECK(text.find("infinite     33.3 %  █████████████▍\n") != std::string::npos);
}

TEST_CASE("the JSON has the same numbers") {
  const Trace trace = SomeTrace();
  const auto json = nlohmann::json::parse(DescribeAsJson(trace, FactsOf(trace, kCapacities)));
  CHECK(json["requests"] == 4);
  CHECK(json["history"][0] == "read some.jsonl");
  CHECK(json["input_tokens"]["max"] == 30);
  CHECK(json["hit_bound"]["tokens"].get<double>() == Approx(1.0 / 3));
  CHECK(json["first_block"]["requests"] == 0.75);
  CHECK(json["lru"].size() == 2);
  CHECK(json["lru"][1]["capacity_tokens"] == 1000);
}

TEST_CASE("a trace without contents says so") {
  const Trace trace = OpenLoop({{}, {}});
  const std::string text = DescribeAsText(trace, FactsOf(trace, kCapacities));
  CHECK(text.find("unknown: the trace says nothing of contents") != std::string::npos);
}

TEST_CASE("several traces are mixed, each at its own rate") {
  TraceFlags flags;
  flags.files = {"skewed:200@10", "skewed:100@5"};
  const absl::StatusOr<Trace> trace = LoadTrace(flags);
  INFO(trace.status());
  REQUIRE(trace.ok());
  const TraceFacts facts = FactsOf(*trace, {});
  CHECK(facts.requests == 300);
  CHECK(facts.mean_rps == Approx(15).epsilon(0.02));
  CHECK(facts.tenants == 2);
  flags.files = {"skewed:many"};
  CHECK(std::string(LoadTrace(flags).status().message()).find("how many requests?") !=
        std::string::npos);
}

TEST_CASE("a file that is not there is named") {
  TraceFlags flags;
  flags.files = {"no such file.jsonl"};
  CHECK(std::string(LoadTrace(flags).status().message()).find("no such file.jsonl") !=
        std::string::npos);
}

}  // namespace
}  // namespace cairn
