#include "deploy/cli/simulation/simulation_report.h"

#include <algorithm>

namespace cairn {

Spread SpreadOf(const std::vector<double>& values) {
  if (values.empty()) return {};
  Spread spread{.mean = 0, .min = values[0], .max = values[0]};
  for (const double value : values) {
    spread.mean += value;
    spread.min = std::min(spread.min, value);
    spread.max = std::max(spread.max, value);
  }
  spread.mean /= static_cast<double>(values.size());
  return spread;
}

Spread AttainmentOf(const RatePoint& point) {
  return SpreadOf(point, [](const SeedRun& run) { return run.summary.attainment; });
}

double RateOf(const RatePoint& point) {
  return SpreadOf(point, [](const SeedRun& run) { return run.rate; }).mean;
}

Spread GoodputOf(const PolicyReport& policy) {
  std::vector<double> rates;
  for (const SeedGoodput& one : policy.searched) rates.push_back(one.goodput.rate);
  return SpreadOf(rates);
}

const RatePoint* DetailOf(const SimulationReport& report, const PolicyReport& policy) {
  if (report.policies.empty() || policy.rates.empty()) return nullptr;
  const std::vector<RatePoint>& first = report.policies[0].rates;
  size_t detail = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    if (AttainmentOf(first[i]).mean >= report.wanted_attainment) detail = i;
  }
  return &policy.rates[std::min(detail, policy.rates.size() - 1)];
}

std::vector<ShownPoint> ShownPoints(const SimulationReport& report) {
  std::vector<ShownPoint> shown;
  if (report.plan) {
    for (const auto& [workers, point] : report.plan->sizes) {
      shown.push_back({std::to_string(workers), &point});
    }
  }
  for (const PolicyReport& policy : report.policies) {
    if (const RatePoint* point = DetailOf(report, policy)) shown.push_back({policy.policy, point});
  }
  return shown;
}

const char* LabelOfShown(const SimulationReport& report) {
  return report.plan ? "workers" : "policy";
}

}  // namespace cairn
