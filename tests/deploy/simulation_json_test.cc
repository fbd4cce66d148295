#include "deploy/cli/simulation/simulation_json.h"

#include <catch2/catch.hpp>

#include "deploy/cli/simulation/simulation_text.h"
#include "tests/deploy/report_fixture.h"

namespace cairn {
namespace {

using nlohmann::ordered_json;

bool Says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

TEST_CASE("every policy has its rates, every rate its seeds, and the first policy stands on top") {
  const ordered_json json = ToJson(ReportFixture());
  CHECK(json["simulated"] == true);
  CHECK(json["trace"] == "conversation.jsonl");
  CHECK(json["slo"]["ttft_s"] == 5.0);
  CHECK(json["goodput"] == 12.0);
  CHECK(json["goodput_min"] == 10.0);
  CHECK(json["goodput_max"] == 14.0);
  CHECK(json["attainment"] == 0.96875);  // at the highest rate that keeps the targets
  REQUIRE(json["policies"].size() == 2);
  const ordered_json& policy = json["policies"][1];
  CHECK(policy["policy"] == "round-robin");
  CHECK(policy["searches"][0]["runs"][1]["attainment"] == 0.85);
  CHECK(policy["rates"][1]["attainment"] == 0.375);
  CHECK(policy["rates"][1]["attainment_min"] == 0.25);
  CHECK(policy["rates"][1]["seeds"][1]["ttft"]["p90_s"] == 8.0);
  CHECK(policy["rates"][0]["seeds"][0]["hit_share"] == 0.625);
  CHECK(policy["detail"]["rate"] == 8.0);
  CHECK(policy["detail"]["timeline"]["queued"] == std::vector<double>{1, 3});
  CHECK(json["bounds"]["work_rps"] == 20.0);
  CHECK(json["configuration"]["workers"] == "2");
}

TEST_CASE("what was not asked for is not there") {
  SimulationReport report = ReportFixture();
  for (PolicyReport& policy : report.policies) policy.searched.clear();
  const ordered_json json = ToJson(report);
  for (const char* name : {"goodput", "plan", "sensitivity", "conclusion", "events"}) {
    CHECK_FALSE(json.contains(name));
  }
}

TEST_CASE("classes, tenants and roles of a run are numbers for programs and lines for people") {
  const SimulationReport report = GroupedReportFixture();
  const ordered_json json = ToJson(report);
  CHECK(json["classes"]["interactive"]["tpot_s"] == 0.05);
  const ordered_json& run = json["policies"][1]["rates"][0]["seeds"][0];
  CHECK(run["classes"][0]["attainment"] == 0.5);
  CHECK(run["classes"][0]["work_share"] == 0.375);
  CHECK(run["tenants"].size() == 20);
  CHECK(run["roles"][1]["role"] == "decode-heavy");
  CHECK(run["roles"][1]["handoffs_in"] == 90);
  CHECK(json["policies"][0]["detail"]["classes"][0]["ttft_percentiles_s"][1] == 0.9);
  const std::string text = ToText(report);
  CHECK(Says(text, "targets: interactive: TTFT 1s, TPOT 50ms; batch: TTFT 1m"));
  CHECK(Says(text, "at 8.00 requests/s"));
  CHECK(Says(text, "  interactive    round-robin         62.5 %    37.5 %"));
  CHECK(Says(text, "  and 12 more: -o json"));
  CHECK(Says(text, "  decode-heavy   dual-hash                1      97 %"));
  const ordered_json plain = ToJson(ReportFixture());
  CHECK_FALSE(plain.contains("classes"));
  for (const char* name : {"classes", "tenants", "roles"}) {
    CHECK_FALSE(plain["policies"][0]["rates"][0]["seeds"][0].contains(name));
  }
}

TEST_CASE("a name that is not UTF-8 does not stop the output") {
  SimulationReport report = ReportFixture();
  report.trace = "bad\xff.jsonl";
  CHECK(Says(JsonText(report), "bad\xEF\xBF\xBD.jsonl"));
}

TEST_CASE("one policy at one rate is told seed by seed") {
  SimulationReport report = ReportFixture();
  report.policies.resize(1);
  report.policies[0].searched.clear();
  report.policies[0].rates.resize(1);
  const std::string text = ToText(report);
  CHECK(Says(text, "simulated, not measured"));
  CHECK(Says(text, "targets: TTFT 5s, TPOT 100ms"));
  CHECK(Says(text, "  read conversation.jsonl"));
  CHECK(Says(text, "dual-hash, seed 2: 8.00 requests/s, 100 of 100 finished, 100.0 %"));
}

TEST_CASE("several policies and rates are a table, and a goodput stands beside the work bound") {
  const std::string text = ToText(ReportFixture());
  CHECK(Says(text, "mean of 2 seeds"));
  CHECK(Says(text, "round-robin         16.00    37.5 %      8.5 s"));
  CHECK(Says(text, "dual-hash           12.00 requests/s (10.00 to 14.00 over 2 seeds)"));
  CHECK(Says(text, "work bound          20.00 requests/s"));
}

TEST_CASE("a run without requests prints zeros, not divisions by zero") {
  SimulationReport report = ReportFixture();
  report.target = {};
  report.policies.resize(1);
  report.policies[0].searched.clear();
  report.policies[0].rates = {{.rate = 0, .seeds = {SeedRun{.seed = 1}}}};
  CHECK(ToJson(report)["policies"][0]["rates"][0]["seeds"][0]["hit_share"] == 0.0);
  CHECK(Says(ToText(report), "targets: none"));
}

}  // namespace
}  // namespace cairn
