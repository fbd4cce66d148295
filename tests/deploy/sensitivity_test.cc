#include "deploy/cli/simulation/sensitivity.h"

#include <catch2/catch.hpp>

#include "tests/deploy/report_fixture.h"

namespace cairn {
namespace {

// Two policies as they are, and as they are with another host overhead.
SimulationReport Report(std::vector<double> a, std::vector<double> b, std::vector<double> a_then,
                        std::vector<double> b_then) {
  SimulationReport report;
  report.policies = {PolicyWith("a", std::move(a)), PolicyWith("b", std::move(b))};
  SensitivitySetting setting{.value = 0.005, .text = "5ms", .policies = {}};
  setting.policies = {PolicyWith("a", std::move(a_then)), PolicyWith("b", std::move(b_then))};
  report.sensitivity = {{.name = "host-overhead", .profile = 0.002, .settings = {setting}}};
  return report;
}

TEST_CASE("an order that stays the same survives") {
  const SimulationReport report = Report({10, 11}, {7, 8}, {6, 7}, {4, 5});
  CHECK(RobustnessOf(report) == Robustness::kHolds);
  CHECK(ConclusionOf(report).find("(a, then b) survives every setting") != std::string::npos);
}

TEST_CASE("who is ahead by less than the seeds differ was never ahead") {
  const SimulationReport report = Report({10, 12}, {9, 11}, {4, 5}, {6, 7});
  CHECK(RobustnessOf(report) == Robustness::kHolds);
  CHECK(ConclusionOf(report).find("a about as good as b") != std::string::npos);
}

TEST_CASE("a lead that shrinks to less than the seeds differ is blurred and said") {
  const SimulationReport report = Report({10, 11}, {7, 8}, {6, 7}, {6, 6.5});
  CHECK(RobustnessOf(report) == Robustness::kBlurs);
  CHECK(ConclusionOf(report).find(
            "blurs: at --host-overhead 5ms a is no longer clearly ahead of b (6.50 to 6.25") !=
        std::string::npos);
}

TEST_CASE("an order that turns round does not survive") {
  const SimulationReport report = Report({10, 11}, {7, 8}, {4, 5}, {6, 7});
  CHECK(RobustnessOf(report) == Robustness::kReverses);
  CHECK(ConclusionOf(report).find("does not survive: at --host-overhead 5ms a is behind b") !=
        std::string::npos);
}

TEST_CASE("of one policy it is said between what its goodput lies") {
  SimulationReport report = Report({10}, {7}, {4}, {6});
  report.policies.resize(1);
  report.sensitivity[0].settings[0].policies.resize(1);
  CHECK(ConclusionOf(report).find("between 4.00 and 10.00") != std::string::npos);
}

}  // namespace
}  // namespace cairn
