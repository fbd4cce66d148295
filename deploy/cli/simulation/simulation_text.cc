#include "deploy/cli/simulation/simulation_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "deploy/cli/simulation/capacity_plan.h"
#include "deploy/cli/simulation/sensitivity.h"
#include "deploy/cli/units.h"

namespace cairn {
namespace {

constexpr int kBarCells = 40;
constexpr size_t kTenantsShown = 8;  // the JSON has all of them

// `part` of a bar, in eighths of a cell.
std::string Bar(double part) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::lround(std::clamp(part, 0.0, 1.0) * kBarCells * 8));
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  return bar + kEighths[eighths % 8];
}

std::string Row(const char* name, const Percentiles& p) {
  const auto cell = [](Duration d) { return FormatDurationRounded(d); };
  return fmt::format("  {:<10} {:>12} {:>12} {:>12} {:>12} {:>12}\n", name, cell(p.mean),
                     cell(p.p50), cell(p.p90), cell(p.p99), cell(p.max));
}

std::string MoreText(size_t all, size_t shown) {
  return all <= shown ? "" : fmt::format("  and {} more: -o json\n", all - shown);
}

std::string GroupText(const char* kind, std::span<const GroupSummary> groups) {
  std::string out;
  for (const GroupSummary& g : groups.first(std::min(groups.size(), kTenantsShown))) {
    out += fmt::format(
        "  {} {}: {:.1f} % of {} within the targets, {:.1f} % of the work, TTFT p50 {}, p90 {}, "
        "TPOT "
        "p90 {}",
        kind, g.name, 100 * g.attainment, g.requests, 100 * g.work_share,
        FormatDurationRounded(g.ttft.p50), FormatDurationRounded(g.ttft.p90),
        FormatDurationRounded(g.tpot.p90));
    if (g.shed + g.expired > 0) out += fmt::format(", {} shed, {} expired", g.shed, g.expired);
    out += "\n";
  }
  return out + MoreText(groups.size(), kTenantsShown);
}

std::string RoleText(const std::vector<RoleSummary>& roles) {
  std::string out;
  for (const RoleSummary& role : roles) {
    out += fmt::format(
        "  {} {}: {:.0f} % busy, {:.1f} requests before and {:.1f} after their first token on "
        "each, "
        "{} handed on, {} taken over\n",
        role.workers, NameOf(role), 100 * role.busy_share, role.prefilling, role.decoding,
        role.handoffs_out, role.handoffs_in);
  }
  return out;
}

std::string TextOf(const SeedRun& run, const std::string& policy) {
  const ClusterSummary& s = run.summary;
  std::string out = fmt::format(
      "{}, seed {}: {:.2f} requests/s, {} of {} finished, {:.1f} % within the targets\n", policy,
      run.seed, run.rate, s.finished, s.requests, 100 * s.attainment);
  out += fmt::format("  {:<10} {:>12} {:>12} {:>12} {:>12} {:>12}\n", "", "mean", "p50", "p90",
                     "p99", "max");
  out += Row("TTFT", s.ttft) + Row("TPOT", s.tpot) + Row("worst gap", s.gap_max) +
         Row("queue", s.queue);
  const std::string fetched =
      s.fetched_tokens == 0
          ? ""
          : fmt::format(" ({:.1f} % on other workers)", 100 * ShareOfPrompts(s.fetched_tokens, s));
  out += fmt::format(
      "  {:.1f} % of prompt tokens were cached{}, workers {:.0f} % busy, the busiest {:.2f} of "
      "the mean, {} preemptions\n",
      100 * HitShare(s), fetched, 100 * s.busy_share, s.imbalance, s.preemptions);
  if (s.missed_ttft + s.missed_tpot > 0) {
    out += fmt::format("  {} missed the TTFT target, {} the TPOT target\n", s.missed_ttft,
                       s.missed_tpot);
  }
  if (s.shed + s.failed + s.unfinished + s.restarts > 0) {
    out += fmt::format("  {} shed, {} failed, {} unfinished, {} begun again\n", s.shed, s.failed,
                       s.unfinished, s.restarts);
  }
  return out + GroupText("class", run.classes) + GroupText("tenant", run.tenants) +
         RoleText(run.roles);
}

std::string TargetText(const SloTarget& target) {
  std::string out;
  if (target.ttft > Duration()) out += "TTFT " + FormatDuration(target.ttft);
  if (target.tpot > Duration()) {
    out += (out.empty() ? "TPOT " : ", TPOT ") + FormatDuration(target.tpot);
  }
  return out.empty() ? "none" : out;
}

std::string TargetText(const SimulationReport& report) {
  if (report.classes.size() < 2) return TargetText(report.target);
  std::string out;
  for (const LatencyClass& one : report.classes) {
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", one.name, TargetText(one.target));
  }
  return out;
}

std::string TimeText(double seconds) {
  return FormatDurationRounded(Nanoseconds(static_cast<int64_t>(seconds * 1e9)));
}

template <typename Time>
std::string TimeOf(const RatePoint& point, const Time& time) {
  return TimeText(
      SpreadOf(point, [&](const SeedRun& run) { return time(run.summary).seconds(); }).mean);
}

std::string LineOf(const std::string& label, const RatePoint& point) {
  const auto mean = [&point](const auto& number) { return SpreadOf(point, number).mean; };
  return fmt::format(
      "  {:<16} {:>8.2f} {:>7.1f} % {:>10} {:>10} {:>10} {:>10} {:>6.1f} % {:>5.0f} % {:>9.2f}\n",
      label, RateOf(point), 100 * AttainmentOf(point).mean,
      TimeOf(point, [](const ClusterSummary& s) { return s.ttft.p50; }),
      TimeOf(point, [](const ClusterSummary& s) { return s.ttft.p90; }),
      TimeOf(point, [](const ClusterSummary& s) { return s.ttft.p99; }),
      TimeOf(point, [](const ClusterSummary& s) { return s.tpot.p90; }),
      100 * mean([](const SeedRun& run) { return HitShare(run.summary); }),
      100 * mean([](const SeedRun& run) { return run.summary.busy_share; }),
      mean([](const SeedRun& run) { return run.summary.imbalance; }));
}

std::string TableHead(const char* first) {
  return fmt::format("  {:<16} {:>8} {:>9} {:>10} {:>10} {:>10} {:>10} {:>8} {:>7} {:>9}\n", first,
                     "rate", "within", "TTFT p50", "p90", "p99", "TPOT p90", "hits", "busy",
                     "imbalance");
}

// A line for each group under each policy, or with each number of workers.
template <typename Group, typename Line>
std::string GroupLines(const SimulationReport& report, const std::string& head,
                       std::vector<Group> SeedRun::*groups, const Line& line) {
  const std::vector<std::string> names = GroupNames(report, groups);
  if (names.empty()) return "";
  const std::vector<ShownPoint> shown = ShownPoints(report);
  std::string out = fmt::format("\nat {:.2f} requests/s\n", RateOf(*shown[0].point)) + head;
  for (const std::string& name : std::span(names).first(std::min(names.size(), kTenantsShown))) {
    for (const ShownPoint& one : shown) {
      const auto mean = [&](const auto& number) {
        const auto spread = SpreadOf(*one.point, groups, name, number);
        return spread ? spread->mean : 0;
      };
      out += line(name, one.label, mean);
    }
  }
  return out + MoreText(names.size(), kTenantsShown);
}

std::string RequestGroups(const SimulationReport& report, const char* kind,
                          std::vector<GroupSummary> SeedRun::*groups) {
  using Group = GroupSummary;
  const std::string head = fmt::format(
      "  {:<14} {:<16} {:>9} {:>9} {:>10} {:>10} {:>10} {:>10} {:>10}\n", kind,
      LabelOfShown(report), "within", "work", "TTFT p50", "p90", "p99", "TPOT p90", "p99");
  return GroupLines(
      report, head, groups,
      [](const std::string& name, const std::string& label, const auto& mean) {
        const auto time = [&mean](const auto& number) { return TimeText(mean(number)); };
        return fmt::format(
            "  {:<14} {:<16} {:>7.1f} % {:>7.1f} % {:>10} {:>10} {:>10} {:>10} {:>10}\n", name,
            label, 100 * mean(&Group::attainment), 100 * mean(&Group::work_share),
            time([](const Group& g) { return g.ttft.p50.seconds(); }),
            time([](const Group& g) { return g.ttft.p90.seconds(); }),
            time([](const Group& g) { return g.ttft.p99.seconds(); }),
            time([](const Group& g) { return g.tpot.p90.seconds(); }),
            time([](const Group& g) { return g.tpot.p99.seconds(); }));
      });
}

std::string RoleGroups(const SimulationReport& report) {
  using Role = RoleSummary;
  const std::string head = fmt::format(
      "  {:<14} {:<16} {:>9} {:>9} {:>21} {:>15} {:>10} {:>10}\n", "role", LabelOfShown(report),
      "workers", "busy", "before first token", "being answered", "handed on", "taken over");
  return GroupLines(
      report, head, &SeedRun::roles,
      [](const std::string& name, const std::string& label, const auto& mean) {
        return fmt::format(
            "  {:<14} {:<16} {:>9.0f} {:>7.0f} % {:>21.1f} {:>15.1f} {:>10.0f} {:>10.0f}\n", name,
            label, mean([](const Role& r) { return static_cast<double>(r.workers); }),
            100 * mean(&Role::busy_share), mean(&Role::prefilling), mean(&Role::decoding),
            mean([](const Role& r) { return static_cast<double>(r.handoffs_out); }),
            mean([](const Role& r) { return static_cast<double>(r.handoffs_in); }));
      });
}

std::string GroupsText(const SimulationReport& report) {
  return RequestGroups(report, "class", &SeedRun::classes) +
         RequestGroups(report, "tenant", &SeedRun::tenants) + RoleGroups(report);
}

// Attainment against the rate, a bar a rate.
std::string AttainmentPlot(const PolicyReport& policy) {
  std::string out = fmt::format("\nwithin the targets, by requests/s ({})\n", policy.policy);
  for (const RatePoint& point : policy.rates) {
    const Spread share = AttainmentOf(point);
    out += fmt::format("  {:>8.2f}  {:>5.1f} %  {}\n", RateOf(point), 100 * share.mean,
                       Bar(share.mean));
  }
  return out;
}

std::string RatesText(const SimulationReport& report) {
  const PolicyReport& first = report.policies[0];
  if (first.rates.empty()) return "";
  std::string out = "\n";
  if (report.policies.size() == 1 && first.rates.size() == 1) {
    for (const SeedRun& run : first.rates[0].seeds) out += TextOf(run, first.policy);
    return out;
  }
  const size_t seeds = report.seeds.size();
  out += fmt::format("mean of {} seed{}\n", seeds, seeds == 1 ? "" : "s") + TableHead("policy");
  for (const PolicyReport& policy : report.policies) {
    for (const RatePoint& point : policy.rates) out += LineOf(policy.policy, point);
  }
  if (first.rates.size() > 1) out += AttainmentPlot(first);
  return out + GroupsText(report);
}

std::string GoodputText(const SimulationReport& report) {
  if (report.policies[0].searched.empty()) return "";
  std::string out =
      fmt::format("\ngoodput: the highest rate with {:.4g} % of requests within the targets\n",
                  100 * report.wanted_attainment);
  double high = report.bounds.work_rps;
  for (const PolicyReport& policy : report.policies) high = std::max(high, GoodputOf(policy).max);
  for (const PolicyReport& policy : report.policies) {
    const Spread goodput = GoodputOf(policy);
    out += fmt::format("  {:<16} {:>8.2f} requests/s ({:.2f} to {:.2f} over {} seeds)  {}\n",
                       policy.policy, goodput.mean, goodput.min, goodput.max,
                       policy.searched.size(), high > 0 ? Bar(goodput.mean / high) : "");
  }
  if (report.bounds.work_rps > 0 && std::isfinite(report.bounds.work_rps)) {
    out += fmt::format("  {:<16} {:>8.2f} requests/s, if every worker had everything cached\n",
                       "work bound", report.bounds.work_rps);
    if (GoodputOf(report.policies[0]).mean > report.bounds.work_rps) {
      out += "  above the bound: the trace ends before its queue has grown (--repeat-to)\n";
    }
  }
  return out;
}

std::string SensitivityText(const SimulationReport& report) {
  if (report.sensitivity.empty()) return "";
  std::string out = "\ngoodput where something else is assumed\n";
  for (const SensitivityAxis& axis : report.sensitivity) {
    for (const SensitivitySetting& setting : axis.settings) {
      out += fmt::format("  {:<28}", fmt::format("--{} {}", axis.name, setting.text));
      for (const PolicyReport& policy : setting.policies) {
        out += fmt::format("  {} {:.2f}", policy.policy, GoodputOf(policy).mean);
      }
      out += "\n";
    }
  }
  return out + "  " + ConclusionOf(report) + "\n";
}

std::string PlanText(const SimulationReport& report) {
  const CapacityPlan& plan = *report.plan;
  const uint32_t answer = plan.capacity.workers;
  if (answer == 0) {
    return fmt::format("\nno cluster of up to {} workers keeps the targets at {:.2f} requests/s\n",
                       plan.capacity.trials.empty() ? 0 : plan.capacity.trials.back().workers,
                       plan.rate);
  }
  std::string out = fmt::format("\n{} worker{} ({} GPU{}) keep the targets at {:.2f} requests/s\n",
                                answer, answer == 1 ? "" : "s", answer * plan.gpus,
                                answer * plan.gpus == 1 ? "" : "s", plan.rate);
  for (const auto& [workers, point] : plan.sizes) {
    const auto roles = plan.roles.find(workers);
    if (roles == plan.roles.end()) continue;
    out += fmt::format("  {} best as {}\n", workers, roles->second.Name());
  }
  out += TableHead("workers");
  for (const auto& [workers, point] : plan.sizes) {
    const char* which = workers == answer ? "" : workers < answer ? " (one fewer)" : " (one more)";
    out += LineOf(fmt::format("{}{}", workers, which), point);
  }
  const CapacityTrial* trial = plan.capacity.TrialOf(answer);
  const auto [least, most] = std::ranges::minmax(trial->attainment);
  out += fmt::format("  sure: {} of {} seeds keep them, with {:.1f} to {:.1f} % within\n",
                     trial->attainment.size(), trial->attainment.size(), 100 * least, 100 * most);
  if (const CapacityTrial* fewer = plan.capacity.TrialOf(answer - 1)) {
    const auto kept = std::ranges::count_if(
        fewer->attainment, [&](double one) { return one >= report.wanted_attainment; });
    out += fmt::format("  one fewer: {} of {} seeds do\n", kept, fewer->attainment.size());
  }
  out += fmt::format("  headroom: {:.0f} % more requests\n", 100 * HeadroomOf(plan));
  out += fmt::format("  limited by {}\n", LimitOf(plan));
  for (const WhatIf& what_if : plan.what_ifs) {
    out += fmt::format("    at {:.2f} requests/s {:<22} {:>5.1f} % within, {:.1f} % hits\n",
                       plan.overload_rate, what_if.name + ":", 100 * what_if.attainment.mean,
                       100 * what_if.hit_share.mean);
  }
  return out + GroupsText(report);
}

}  // namespace

std::string ToText(const SimulationReport& report) {
  std::string out = fmt::format("simulated, not measured: {}, profile {}\n{}\n", report.cluster,
                                report.profile.name, report.trace);
  for (const std::string& line : report.history) out += "  " + line + "\n";
  out += fmt::format("targets: {}\n", TargetText(report));
  if (!report.policies.empty()) {
    out += RatesText(report) + GoodputText(report) + SensitivityText(report);
  }
  if (report.plan) out += PlanText(report);
  out += fmt::format("\ntook {:.1f} s\n", report.wall_seconds);
  return out;
}

}  // namespace cairn
