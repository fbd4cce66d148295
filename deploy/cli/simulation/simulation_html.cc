#include "deploy/cli/simulation/simulation_html.h"

#include <fmt/format.h>

#include <cmath>

#include "deploy/cli/simulation/capacity_plan.h"
#include "deploy/cli/simulation/html_text.h"
#include "deploy/cli/simulation/plot_axis.h"
#include "deploy/cli/simulation/report_figure.h"
#include "deploy/cli/simulation/report_groups.h"
#include "deploy/cli/simulation/report_plots.h"
#include "deploy/cli/simulation/report_style.h"
#include "deploy/cli/simulation/report_tables.h"
#include "deploy/cli/simulation/sensitivity.h"
#include "deploy/cli/units.h"

namespace cairn {
namespace {

std::string TargetsText(const SimulationReport& report) {
  if (report.classes.size() > 1) return "those of each request's class";
  std::string text;
  if (report.target.ttft > Duration()) {
    text += "the first token within " + FormatDuration(report.target.ttft);
  }
  if (report.target.tpot > Duration()) {
    text += (text.empty() ? "" : " and ") + std::string("later ones at most ") +
            FormatDuration(report.target.tpot) + " apart on average";
  }
  return text.empty() ? "no target" : text;
}

bool HasWorkBound(const SimulationReport& report) {
  return report.bounds.work_rps > 0 && std::isfinite(report.bounds.work_rps);
}

// The answer in one sentence.
std::string Lead(const SimulationReport& report) {
  const std::string targets = TargetsText(report);
  if (report.plan) {
    const CapacityPlan& plan = *report.plan;
    if (plan.capacity.workers == 0) {
      return fmt::format("No cluster that was tried keeps the targets ({}) at {:.3g} requests/s.",
                         targets, plan.rate);
    }
    return fmt::format(
        "{} workers keep the targets ({}) for {:.4g} % of requests at {:.3g} requests/s, with "
        "{:.0f} % "
        "headroom.",
        plan.capacity.workers, targets, 100 * report.wanted_attainment, plan.rate,
        100 * HeadroomOf(plan));
  }
  if (!report.policies[0].searched.empty()) {
    const std::vector<const PolicyReport*> ranked = RankedByGoodput(report.policies);
    std::string text = fmt::format(
        "{} carries {:.3g} requests/s with {:.4g} % of them within the targets ({})",
        ranked[0]->policy, GoodputOf(*ranked[0]).mean, 100 * report.wanted_attainment, targets);
    if (ranked.size() > 1 && GoodputOf(*ranked[1]).mean > 0) {
      text += fmt::format("; the next, {}, {:.3g}", ranked[1]->policy, GoodputOf(*ranked[1]).mean);
    }
    if (HasWorkBound(report) && GoodputOf(*ranked[0]).mean > report.bounds.work_rps) {
      text += fmt::format(
          ". That is above the work bound of {:.3g}: the trace ends before its queue has grown; "
          "repeat it (--repeat-to)",
          report.bounds.work_rps);
    }
    return text + ".";
  }
  const RatePoint* point = DetailOf(report, report.policies[0]);
  return fmt::format("At {:.3g} requests/s {} keeps {:.3g} % of requests within the targets ({}).",
                     RateOf(*point), report.policies[0].policy, 100 * AttainmentOf(*point).mean,
                     targets);
}

std::string Card(const std::string& number, const std::string& text) {
  return fmt::format("<div class=\"card\"><b>{}</b><span>{}</span></div>\n", EscapeHtml(number),
                     EscapeHtml(text));
}

std::string Cards(const SimulationReport& report) {
  if (report.policies.empty()) return "";
  const PolicyReport& first = report.policies[0];
  std::string cards;
  if (!first.searched.empty()) {
    const Spread goodput = GoodputOf(first);
    cards += Card(
        fmt::format("{:.3g} req/s", goodput.mean),
        fmt::format("goodput of {} ({:.3g} to {:.3g})", first.policy, goodput.min, goodput.max));
    if (HasWorkBound(report)) {
      cards += Card(fmt::format("{:.0f} %", 100 * goodput.mean / report.bounds.work_rps),
                    fmt::format("of the work bound, {:.3g} req/s{}", report.bounds.work_rps,
                                goodput.mean > report.bounds.work_rps
                                    ? ": the trace ends before its queue has grown"
                                    : ""));
    }
  }
  const RatePoint* point = DetailOf(report, first);
  if (point != nullptr) {
    const auto mean = [point](const auto& number) { return SpreadOf(*point, number).mean; };
    const std::string at = fmt::format("at {:.3g} req/s", RateOf(*point));
    cards += Card(
        fmt::format("{:.1f} %", 100 * mean([](const SeedRun& r) { return HitShare(r.summary); })),
        fmt::format("of prompt tokens cached {}; at most {:.1f} %", at,
                    100 * report.bounds.hit_share));
    cards +=
        Card(FormatPlotValue(mean([](const SeedRun& r) { return r.summary.ttft.p90.seconds(); }),
                             PlotUnit::kSeconds),
             "TTFT p90 " + at);
    cards +=
        Card(FormatPlotValue(mean([](const SeedRun& r) { return r.summary.tpot.p90.seconds(); }),
                             PlotUnit::kSeconds),
             "TPOT p90 " + at);
  }
  return "<div class=\"cards\">\n" + cards + "</div>\n";
}

std::string BoundsText(const SimulationReport& report) {
  std::string text = fmt::format(
      "Bounds that no scheduler passes for long: one cache without end, shared by all, would hold "
      "{:.1f} % "
      "of "
      "prompt tokens; one cache of the cluster's {} tokens {:.1f} %.",
      100 * report.bounds.hit_share, FormatGrouped(report.bounds.cache_tokens),
      100 * report.bounds.lru_share);
  if (HasWorkBound(report)) {
    text += fmt::format(
        " The work bound is workers over the mean time a request takes when everything that was "
        "ever computed is cached on every worker: {:.3g} requests/s, {:.3g} without decode (decode "
        "counted in batches of {}). A trace that ends before its queue has grown can pass it.",
        report.bounds.work_rps, report.bounds.prefill_rps, report.bounds.decode_batch);
  }
  return text;
}

std::string DetailRate(const SimulationReport& report) {
  const RatePoint* point = DetailOf(report, report.policies[0]);
  const bool keeps = AttainmentOf(*point).mean >= report.wanted_attainment;
  std::string text =
      fmt::format("At {:.3g} requests/s, seed {}", RateOf(*point), report.seeds.front());
  if (report.policies[0].rates.size() < 2) return text + ".";
  return text + (keeps ? fmt::format(", the highest of these rates at which {} keeps the targets.",
                                     report.policies[0].policy)
                       : ", the lowest of these rates: none keeps the targets.");
}

std::string PolicySections(const SimulationReport& report) {
  std::string out;
  const std::string load = LoadPlots(report);
  const std::string bounds = "<p class=\"soft\">" + EscapeHtml(BoundsText(report)) + "</p>\n";
  if (!load.empty()) {
    out += Section("How much it carries", "", load + GoodputTable(report) + bounds);
  }
  if (!report.policies[0].rates.empty()) {
    if (report.policies[0].rates.size() > 1) {
      out += Section(
          "Latency against load",
          "Time to the first token and mean time between later tokens; " +
              fmt::format("{} seed{}.", report.seeds.size(), report.seeds.size() == 1 ? "" : "s"),
          LatencyPlots(report));
    }
    out += Section("Latency of every request", DetailRate(report), DistributionPlots(report));
    out += Section("Cache", "The bars are at the same rate, as the mean of all seeds.",
                   CachePlots(report) + (load.empty() ? bounds : ""));
    out += ClassSection(report) + TenantSection(report) + RoleSection(report);
    out += Section("Balance and queues", DetailRate(report), BalancePlots(report));
  }
  if (!report.sensitivity.empty()) {
    out += Section("Does the conclusion depend on what was assumed?", ConclusionOf(report),
                   SensitivityPlots(report) + SensitivityTable(report));
  }
  if (!report.policies[0].rates.empty()) {
    out += Section("All numbers",
                   "Means of the seeds; the same numbers, seed by seed, are in the JSON.",
                   RatesTable(report));
  }
  return out;
}

std::string PlanSection(const SimulationReport& report) {
  const CapacityPlan& plan = *report.plan;
  std::string text = "What a request gets on the answer and on its neighbours.";
  if (plan.capacity.workers > 0) {
    text += fmt::format(" Limited by {}. The answer is sure to the extent that all {} seeds agree.",
                        LimitOf(plan), report.seeds.size());
  }
  for (const auto& [workers, point] : plan.sizes) {
    const auto roles = plan.roles.find(workers);
    if (roles == plan.roles.end()) continue;
    text += fmt::format(" {} workers are best as {}.", workers, roles->second.Name());
  }
  return Section("The plan", text, PlanTables(report)) + ClassSection(report) +
         TenantSection(report) + RoleSection(report);
}

std::string Repeat(const SimulationReport& report) {
  std::string body = fmt::format("<pre>{}</pre>\n<p>{}, with what was done to it:</p>\n<ol>\n",
                                 EscapeHtml(report.command), EscapeHtml("Trace " + report.trace));
  for (const std::string& line : report.history) {
    body += fmt::format("<li>{}</li>\n", EscapeHtml(line));
  }
  body += "</ol>\n";
  return Section("How to repeat it", "", body + ConfigurationTable(report));
}

}  // namespace

std::string ToHtml(const SimulationReport& report) {
  const std::string title = report.plan
                                ? "How many workers for " + report.trace
                                : fmt::format("{} on {} worker{}", report.trace, report.workers,
                                              report.workers == 1 ? "" : "s");
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<title>Simulated: {}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
      EscapeHtml(title), kReportStyle);
  out += fmt::format(
      "<p class=\"notice\">Everything on this page is simulated, not measured: Cairn's production "
      "scheduler, worker and store code in virtual time, with steps that take what the profile {} "
      "says.</p>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n<p class=\"soft\">{}; {} requests</p>\n",
      EscapeHtml(report.profile.name), EscapeHtml(title), EscapeHtml(Lead(report)),
      EscapeHtml(report.cluster), FormatGrouped(report.facts.requests));
  out += Cards(report);
  if (report.plan) out += PlanSection(report);
  if (!report.policies.empty()) out += PolicySections(report);
  out += Repeat(report);
  out += fmt::format("<footer>Simulated by {}.</footer>\n</main>\n</body>\n</html>\n",
                     EscapeHtml(report.version));
  return out;
}

}  // namespace cairn
