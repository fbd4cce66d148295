#include "deploy/cli/simulation/simulation_json.h"

#include <catch2/catch.hpp>

#include "deploy/cli/simulation/simulation_text.h"

namespace cairn {
namespace {

SimulationReport Report() {
  SimulationReport report;
  report.trace = "conversation.jsonl";
  report.history = {"read conversation.jsonl"};
  report.cluster = "16 workers";
  report.profile = "h100";
  report.target = {.ttft = Seconds(5), .tpot = Milliseconds(100)};
  return report;
}

TEST_CASE("runs at one rate give each seed's numbers and their mean attainment") {
  SimulationReport report = Report();
  report.seeds = {{.seed = 1, .rate = 3, .summary = {.requests = 10, .attainment = 0.5}},
                  {.seed = 2, .rate = 3, .summary = {.requests = 10, .attainment = 1.0}}};
  const nlohmann::ordered_json json = ToJson(report);
  CHECK(json["simulated"] == true);
  CHECK(json["attainment"] == 0.75);
  CHECK(json["seeds"].size() == 2);
  CHECK_FALSE(json.contains("goodput"));
  const std::string text = ToText(report);
  CHECK(text.find("simulated, not measured") != std::string::npos);
  CHECK(text.find("targets: TTFT 5s, TPOT 100ms") != std::string::npos);
  CHECK(text.find("  read conversation.jsonl\n") != std::string::npos);
}

TEST_CASE("a search puts the goodput at the top, with its spread and every run") {
  SimulationReport report = Report();
  report.searched = {{.seed = 1, .goodput = {.rate = 10, .runs = {{10, 0.95}, {20, 0.2}}}},
                     {.seed = 2, .goodput = {.rate = 14, .runs = {{14, 0.91}}}}};
  const nlohmann::ordered_json json = ToJson(report);
  CHECK(json["goodput"] == 12.0);
  CHECK(json["goodput_min"] == 10.0);
  CHECK(json["goodput_max"] == 14.0);
  CHECK(json["searches"][0]["runs"][1]["attainment"] == 0.2);
  CHECK(ToText(report).find("goodput at 90 %: 12.00 requests/s (10.00 to 14.00 over 2 seeds)") !=
        std::string::npos);
}

TEST_CASE("a run without requests prints zeros, not divisions by zero") {
  SimulationReport report = Report();
  report.target = {};
  report.seeds = {{.seed = 1, .rate = 0, .summary = {}}};
  CHECK(ToJson(report)["seeds"][0]["hit_share"] == 0.0);
  CHECK(ToText(report).find("targets: none") != std::string::npos);
}

}  // namespace
}  // namespace cairn
