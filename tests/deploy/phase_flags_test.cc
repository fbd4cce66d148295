#include "deploy/cli/simulation/phase_flags.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "deploy/cli/simulation/find_sliders.h"
#include "deploy/cli/simulation/simulation_html.h"
#include "deploy/cli/simulation/simulation_json.h"
#include "deploy/cli/simulation/simulation_study.h"
#include "deploy/cli/simulation/simulation_text.h"

namespace cairn {
namespace {

// What the words of a command line come to: a report, or what is wrong with them.
absl::StatusOr<SimulationReport> Simulate(const std::string& words) {
  SimulateFlags flags;
  CLI::App app;
  AddSimulateFlags(app, flags);
  try {
    app.parse("skewed:120 --rate 12 --threads 1 " + words);
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  const absl::StatusOr<Scenario> scenario = LoadScenario(flags);
  if (!scenario.ok()) return scenario.status();
  return RunStudy(*scenario);
}

std::string ErrorOf(const std::string& words) {
  const absl::StatusOr<SimulationReport> report = Simulate(words);
  REQUIRE_FALSE(report.ok());
  return std::string(report.status().message());
}

const SeedRun& OnlyRun(const SimulationReport& report) {
  return report.policies[0].rates[0].seeds[0];
}

TEST_CASE("roles that leave a phase to nobody, or contradict each other, are refused by name") {
  CHECK(ErrorOf("--prefill 3") == "--prefill 3: nobody decodes; add --decode or --mixed");
  for (const char* idle : {"--decode 3", "--decode 3 --mixed 2"}) {
    CHECK(ErrorOf(idle) ==
          "--decode 3: only prefill-heavy workers hand requests on to them; add --prefill");
  }
  CHECK(ErrorOf("--prefill 2 --decode 1 --prefill-step-tokens 64 --decode-step-tokens 512")
            .find("--decode-step-tokens 512: more than --prefill-step-tokens 64") == 0);
  CHECK(ErrorOf("--prefill 2 --decode 1 --workers 3").find("--workers") != std::string::npos);
  CHECK(ErrorOf("--prefill 2 --decode 1 --search-sliders").find("--search-sliders chooses") == 0);
  CHECK(ErrorOf("--prefill 2 --decode 1 --plan").find("--plan chooses") == 0);
  CHECK(ErrorOf("--prefill 2 --decode 1 --kv-link dram").find("network") != std::string::npos);
}

TEST_CASE("each worker does what its role says, and the output names the roles") {
  const absl::StatusOr<SimulationReport> split =
      Simulate("--prefill 2 --decode 1 --decode-step-tokens 0 --no-flow");
  REQUIRE(split.ok());
  CHECK(split->cluster.find("2P (2048) + 1D (0) of ") == 0);
  CHECK(split->workers == 3);
  CHECK(ToText(*split).find("2P (2048) + 1D (0)") != std::string::npos);
  const SeedRun& run = OnlyRun(*split);
  CHECK(run.summary.finished == 120);
  // Who decodes has all requests, half of them on average.
  CHECK(run.requests_by_worker[2] > run.requests_by_worker[0]);
  CHECK(run.requests_by_worker[2] > run.requests_by_worker[1]);

  const absl::StatusOr<SimulationReport> mixed = Simulate("--mixed 3 --prefill-step-tokens 2048");
  const absl::StatusOr<SimulationReport> plain = Simulate("--workers 3");
  REQUIRE(mixed.ok());
  REQUIRE(plain.ok());
  CHECK(mixed->cluster.find("3 mixed (2048) of ") == 0);
  // Chunks beside decodes or instead of them: the same but for that.
  CHECK(OnlyRun(*mixed).summary.ttft.p50.seconds() ==
        Approx(OnlyRun(*plain).summary.ttft.p50.seconds()).epsilon(0.1));
}

TEST_CASE(
    "a slower link between workers shows in the time between tokens, and in nothing of TTFT") {
  const std::string roles = "--prefill 2 --decode 1 --decode-step-tokens 0 ";
  const absl::StatusOr<SimulationReport> fast = Simulate(roles + "--network 100");
  const absl::StatusOr<SimulationReport> slow = Simulate(roles + "--network 1");
  REQUIRE(fast.ok());
  REQUIRE(slow.ok());
  CHECK(OnlyRun(*slow).summary.gap_max.p50 > OnlyRun(*fast).summary.gap_max.p50 * 3);
  CHECK(OnlyRun(*slow).summary.ttft.p50.seconds() ==
        Approx(OnlyRun(*fast).summary.ttft.p50.seconds()).epsilon(0.2));
}

TEST_CASE("a plan searches the roles for each number of workers, and says which") {
  const std::string asked = "--plan --slo-ttft 1s --slo-tpot 25ms ";
  const absl::StatusOr<SimulationReport> report = Simulate(asked + "--search-sliders");
  REQUIRE(report.ok());
  const CapacityPlan& plan = *report->plan;
  REQUIRE(plan.capacity.workers > 0);
  for (const CapacityTrial& trial : plan.capacity.trials) {
    REQUIRE(plan.roles.contains(trial.workers));
    const PhaseSliders& roles = plan.roles.at(trial.workers);
    CHECK(roles.prefill + roles.decode + roles.mixed == trial.workers);
  }
  const std::string name = plan.roles.at(plan.capacity.workers).Name();
  CHECK(ToText(*report).find("best as " + name) != std::string::npos);
  CHECK(JsonText(*report).find(name) != std::string::npos);
}

TEST_CASE("with --fetch what others have cached is fetched, and every output says how much") {
  const std::string words = "--policy round-robin --workers 4";
  const absl::StatusOr<SimulationReport> computes = Simulate(words);
  const absl::StatusOr<SimulationReport> fetches = Simulate(words + " --fetch");
  REQUIRE(computes.ok());
  REQUIRE(fetches.ok());
  CHECK(OnlyRun(*computes).summary.fetched_tokens == 0);
  const ClusterSummary& summary = OnlyRun(*fetches).summary;
  CHECK(summary.fetched_tokens > 10'000);
  CHECK(HitShare(summary) > HitShare(OnlyRun(*computes).summary) + 0.1);
  CHECK(summary.ttft.mean < OnlyRun(*computes).summary.ttft.mean);
  CHECK(fetches->cluster.find("that fetch from each other at ") != std::string::npos);
  CHECK(ToText(*fetches).find("% on other workers") != std::string::npos);
  CHECK(ToText(*computes).find("on other workers") == std::string::npos);
  CHECK(ToJson(*fetches)["policies"][0]["rates"][0]["seeds"][0]["fetched_tokens"] ==
        summary.fetched_tokens);
  CHECK(ToHtml(*fetches).find("fetched from another worker</li>") != std::string::npos);
  CHECK(ToHtml(*computes).find("fetched from another worker</li>") == std::string::npos);
  CHECK(ErrorOf("--fetch --profile dualmap-7b --kv-link peer")
            .find("--fetch: profile dualmap-7b has no peer link") == 0);
}

}  // namespace
}  // namespace cairn
