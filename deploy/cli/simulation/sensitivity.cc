#include "deploy/cli/simulation/sensitivity.h"

#include <fmt/format.h>

#include <algorithm>

namespace cairn {
namespace {

bool ClearlyAhead(const PolicyReport& a, const PolicyReport& b) {
  return GoodputOf(a).min > GoodputOf(b).max;
}

// One place where the order is not what it was.
struct Change {
  Robustness kind = Robustness::kHolds;
  std::string text;
};

std::vector<Change> ChangesIn(const SimulationReport& report, const SensitivityAxis& axis,
                              const SensitivitySetting& setting) {
  std::vector<Change> changes;
  for (size_t a = 0; a < report.policies.size(); ++a) {
    for (size_t b = 0; b < report.policies.size(); ++b) {
      if (!ClearlyAhead(report.policies[a], report.policies[b])) continue;
      const PolicyReport& was_ahead = setting.policies[a];
      const PolicyReport& was_behind = setting.policies[b];
      if (ClearlyAhead(was_ahead, was_behind)) continue;
      const bool reversed = ClearlyAhead(was_behind, was_ahead);
      changes.push_back(
          {reversed ? Robustness::kReverses : Robustness::kBlurs,
           fmt::format("at --{} {} {} is {} {} ({:.2f} to {:.2f} requests/s)", axis.name,
                       setting.text, was_ahead.policy,
                       reversed ? "behind" : "no longer clearly ahead of", was_behind.policy,
                       GoodputOf(was_ahead).mean, GoodputOf(was_behind).mean)});
    }
  }
  return changes;
}

std::vector<Change> AllChanges(const SimulationReport& report) {
  std::vector<Change> all;
  for (const SensitivityAxis& axis : report.sensitivity) {
    for (const SensitivitySetting& setting : axis.settings) {
      for (Change& change : ChangesIn(report, axis, setting)) all.push_back(std::move(change));
    }
  }
  return all;
}

std::string RangeText(const SimulationReport& report) {
  const double base = GoodputOf(report.policies[0]).mean;
  double low = base, high = base;
  for (const SensitivityAxis& axis : report.sensitivity) {
    for (const SensitivitySetting& setting : axis.settings) {
      const double mean = GoodputOf(setting.policies[0]).mean;
      low = std::min(low, mean);
      high = std::max(high, mean);
    }
  }
  return fmt::format("the goodput of {} lies between {:.2f} and {:.2f} requests/s",
                     report.policies[0].policy, low, high);
}

}  // namespace

std::vector<const PolicyReport*> RankedByGoodput(const std::vector<PolicyReport>& policies) {
  std::vector<const PolicyReport*> ranked;
  for (const PolicyReport& policy : policies) ranked.push_back(&policy);
  std::ranges::stable_sort(ranked, [](const PolicyReport* a, const PolicyReport* b) {
    return GoodputOf(*a).mean > GoodputOf(*b).mean;
  });
  return ranked;
}

Robustness RobustnessOf(const SimulationReport& report) {
  Robustness worst = Robustness::kHolds;
  for (const Change& change : AllChanges(report)) worst = std::max(worst, change.kind);
  return worst;
}

std::string ConclusionOf(const SimulationReport& report) {
  if (report.policies.size() < 2) return "Over all settings " + RangeText(report) + ".";
  std::string order;
  const PolicyReport* before = nullptr;
  for (const PolicyReport* policy : RankedByGoodput(report.policies)) {
    if (before != nullptr)
      order += ClearlyAhead(*before, *policy) ? ", then " : " about as good as ";
    order += policy->policy;
    before = policy;
  }
  const std::vector<Change> changes = AllChanges(report);
  std::string text = fmt::format("The order of policies ({}) ", order);
  if (changes.empty()) {
    return text + "survives every setting: who is clearly ahead stays clearly ahead; " +
           RangeText(report) + ".";
  }
  text += RobustnessOf(report) == Robustness::kReverses ? "does not survive: " : "blurs: ";
  constexpr size_t kShown = 4;
  for (size_t i = 0; i < std::min(changes.size(), kShown); ++i) {
    text += (i == 0 ? "" : "; ") + changes[i].text;
  }
  if (changes.size() > kShown) text += fmt::format("; and {} more", changes.size() - kShown);
  return text + ".";
}

}  // namespace cairn
