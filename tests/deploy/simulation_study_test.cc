#include "deploy/cli/simulation/simulation_study.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "deploy/cli/simulation/capacity_plan.h"
#include "deploy/cli/simulation/simulation_html.h"
#include "deploy/cli/simulation/simulation_json.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

// A file that is gone with the test.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& text)
      : path_((std::getenv("TMPDIR") ? std::string(std::getenv("TMPDIR")) : "/tmp") + "/" + name) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A worker that takes 100 ms for a prompt of 100 tokens, whatever else it does.
constexpr char kServer[] = R"(
name: server
source: made up for a test
hardware: none
model: none
gpus: 2
kv_bytes_per_token: 1
kv_tokens: 100000
host_overhead_ms: 0
mixed_steps: sum
prefill: {fixed_ms: 0, token_ms: 1, pair_ms: 0, attention_tokens_min: 1, error_mean: 0, error_max: 0}
decode: {fixed_ms: 0, sequence_ms: 0, context_token_ms: 0, error_mean: 0, error_max: 0}
links: {}
)";

// Prompts of 100 tokens that share nothing, with one token each, `rps` a second.
std::string ArrivalsAt(double rps, int requests) {
  Prng prng(7);
  std::string text = "{\"cairn_trace\": 1, \"block_tokens\": 16}\n";
  double at_s = 0;
  for (int i = 0; i < requests; ++i) {
    text += "{\"arrival_ns\": " + std::to_string(static_cast<int64_t>(at_s * 1e9)) +
            ", \"input_tokens\": 100, \"output_tokens\": 1, \"blocks\": \"\", \"session\": " +
            std::to_string(i) + "}\n";
    at_s += -std::log(1 - prng.Uniform()) / rps;
  }
  return text;
}

SimulateFlags FlagsFor(const std::string& trace, const std::string& profile) {
  SimulateFlags flags;
  flags.trace.files = {trace};
  flags.profile = profile;
  flags.workers = 1;
  flags.step_tokens = 100;
  flags.link_delay = Duration();
  flags.threads = 2;
  return flags;
}

SimulationReport Study(const SimulateFlags& flags) {
  const absl::StatusOr<Scenario> scenario = LoadScenario(flags);
  INFO(scenario.status().message());
  REQUIRE(scenario.ok());
  const absl::StatusOr<SimulationReport> report = RunStudy(*scenario);
  INFO(report.status().message());
  REQUIRE(report.ok());
  return *report;
}

std::string ErrorOf(const SimulateFlags& flags) {
  const absl::StatusOr<Scenario> scenario = LoadScenario(flags);
  REQUIRE_FALSE(scenario.ok());
  return std::string(scenario.status().message());
}

TEST_CASE("a plan finds as many workers as the work needs, and knows what is missing") {
  const TemporaryFile profile("cairn_plan_profile.yaml", kServer);
  // 35 requests/s of 100 ms each are 3.5 workers: three can never do it, and four are 87 % busy.
  const TemporaryFile trace("cairn_plan_trace.jsonl", ArrivalsAt(35, 2500));
  SimulateFlags flags = FlagsFor(trace.path(), profile.path());
  flags.policies = {"least-loaded"};
  flags.target = {.ttft = Milliseconds(800), .tpot = Duration()};
  flags.plan = true;
  flags.seeds = 2;
  const SimulationReport report = Study(flags);
  REQUIRE(report.plan.has_value());
  const CapacityPlan& plan = *report.plan;
  CHECK(plan.capacity.workers == 4);
  CHECK(plan.rate == Approx(35).epsilon(0.05));
  REQUIRE(plan.capacity.TrialOf(3) != nullptr);
  CHECK_FALSE(KeepsPromise(*plan.capacity.TrialOf(3), 0.9));
  CHECK(plan.capacity.TrialOf(5) != nullptr);
  CHECK(plan.gpus == 2);
  // The goodput of four servers is below the 40 requests/s that they can do at all.
  CHECK(HeadroomOf(plan) > 0);
  CHECK(HeadroomOf(plan) < 0.2);
  // Nothing is shared and nothing decodes: only faster steps can help.
  CHECK(LimitOf(plan).find("compute") == 0);
}

TEST_CASE("a plan begins with as many workers as its events name") {
  const TemporaryFile profile("cairn_plan_events.yaml", kServer);
  const TemporaryFile trace("cairn_plan_events.jsonl", ArrivalsAt(5, 200));
  SimulateFlags flags = FlagsFor(trace.path(), profile.path());
  flags.plan = true;
  flags.events = {"1s:kill:2"};
  CHECK(Study(flags).plan->capacity.trials.front().workers == 3);
}

TEST_CASE("the goodput of one server stays below its work bound, and auto rates lie around it") {
  const TemporaryFile profile("cairn_goodput_profile.yaml", kServer);
  const TemporaryFile trace("cairn_goodput_trace.jsonl", ArrivalsAt(5, 3000));
  SimulateFlags flags = FlagsFor(trace.path(), profile.path());
  flags.target = {.ttft = Milliseconds(400), .tpot = Duration()};
  flags.rates = "auto";
  const SimulationReport report = Study(flags);
  CHECK(report.bounds.work_rps == Approx(10));
  const double goodput = GoodputOf(report.policies[0]).mean;
  CHECK(goodput > 5);
  CHECK(goodput < 10);
  const std::vector<RatePoint>& rates = report.policies[0].rates;
  REQUIRE(rates.size() >= 8);
  CHECK(rates.front().rate < goodput / 2);
  CHECK(rates.back().rate > goodput * 1.2);
  CHECK(AttainmentOf(rates.front()).mean > AttainmentOf(rates.back()).mean);
}

TEST_CASE("everything that is printed is the same, whatever the number of threads") {
  SimulateFlags flags;
  flags.trace.files = {"skewed:300"};
  flags.trace.rate_rps = 20;
  flags.policies = {"dual-hash", "random-2"};
  flags.workers = 3;
  flags.schedulers = 2;
  flags.staleness = Milliseconds(300);
  flags.seeds = 3;
  flags.rates = "10,30,20,10";
  flags.events = {"3s:kill:1", "6s:return:1"};
  std::string json, html;
  for (const uint32_t threads : {1u, 4u}) {
    flags.threads = threads;
    const SimulationReport report = Study(flags);
    CHECK(report.policies[1].rates.size() == 3);
    if (threads == 1) {
      json = JsonText(report);
      html = ToHtml(report);
    } else {
      CHECK(json == JsonText(report));
      CHECK(html == ToHtml(report));
    }
  }
}

TEST_CASE("a killed worker is missing while it is dead, and its requests begin again") {
  SimulateFlags flags;
  flags.trace.files = {"skewed:600"};
  flags.trace.rate_rps = 30;
  flags.workers = 2;
  flags.events = {"5s:kill:1", "12s:return:1"};
  const SimulationReport report = Study(flags);
  const SeedRun& run = report.policies[0].rates[0].seeds[0];
  CHECK(run.summary.finished == 600);
  CHECK(run.summary.restarts > 0);
  const auto alive_at = [&run](double at_s) {
    const auto slice = static_cast<size_t>(at_s / run.timeline.slice.seconds());
    return run.timeline.slices[slice].workers;
  };
  CHECK(alive_at(2) == Approx(2));
  CHECK(alive_at(9) == Approx(1));
  CHECK(alive_at(15) == Approx(2));
}

TEST_CASE("a varied assumption is searched for every policy, and slower steps carry less") {
  SimulateFlags flags;
  flags.trace.files = {"skewed:300"};
  flags.workers = 2;
  flags.policies = {"dual-hash", "round-robin"};
  flags.host_overheads = {Duration(), Milliseconds(20)};
  flags.target.ttft = Seconds(1);
  const SimulationReport report = Study(flags);
  REQUIRE(report.sensitivity.size() == 1);
  REQUIRE(report.sensitivity[0].settings.size() == 2);
  for (size_t policy = 0; policy < 2; ++policy) {
    const auto& settings = report.sensitivity[0].settings;
    CHECK(GoodputOf(settings[0].policies[policy]).mean >
          GoodputOf(settings[1].policies[policy]).mean);
  }
}

TEST_CASE("what cannot be asked is said by the flag's name") {
  SimulateFlags flags;
  flags.trace.files = {"skewed:50"};
  const SimulateFlags good = flags;
  flags.rates = "4,x";
  CHECK(ErrorOf(flags).find("--rates: 'x' is not a rate") == 0);
  flags = good;
  flags.kv_tokens = 100;
  CHECK(ErrorOf(flags).find("--kv-tokens 100: less than one block of 512 tokens") == 0);
  flags = good;
  flags.events = {"5s:kill:9"};
  CHECK(ErrorOf(flags).find("--event: worker 9 is not there: 4 workers are numbered from 0 to 3") ==
        0);
  flags = good;
  flags.plan = flags.goodput = true;
  CHECK(ErrorOf(flags).find("--plan asks how many workers") == 0);
  flags = good;
  flags.goodput = true;
  flags.target = {};
  CHECK(ErrorOf(flags).find("without --slo-ttft and --slo-tpot") == 0);
}

}  // namespace
}  // namespace cairn
