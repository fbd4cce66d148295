#include "deploy/cli/simulation/report_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "deploy/cli/simulation/capacity_plan.h"
#include "deploy/cli/simulation/html_table.h"

namespace cairn {
namespace {

// What a run is worth, as the columns of a table.
struct Column {
  std::string_view name;
  PlotUnit unit;
  std::function<double(const SeedRun&)> number;
};

// What was fetched is a column of those reports only in which something was.
bool Fetches(const SimulationReport& report) {
  for (const ShownPoint& shown : ShownPoints(report)) {
    for (const SeedRun& run : shown.point->seeds) {
      if (run.summary.fetched_tokens > 0) return true;
    }
  }
  return false;
}

std::vector<Column> ColumnsOf(const SimulationReport& report) {
  constexpr PlotUnit kSeconds = PlotUnit::kSeconds;
  std::vector<Column> columns = {
      {"within targets", PlotUnit::kPercent, [](const SeedRun& r) { return r.summary.attainment; }},
      {"TTFT p50", kSeconds, [](const SeedRun& r) { return r.summary.ttft.p50.seconds(); }},
      {"p90", kSeconds, [](const SeedRun& r) { return r.summary.ttft.p90.seconds(); }},
      {"p99", kSeconds, [](const SeedRun& r) { return r.summary.ttft.p99.seconds(); }},
      {"TPOT p50", kSeconds, [](const SeedRun& r) { return r.summary.tpot.p50.seconds(); }},
      {"p90", kSeconds, [](const SeedRun& r) { return r.summary.tpot.p90.seconds(); }},
      {"p99", kSeconds, [](const SeedRun& r) { return r.summary.tpot.p99.seconds(); }},
      {"queue p90", kSeconds, [](const SeedRun& r) { return r.summary.queue.p90.seconds(); }},
      {"hits", PlotUnit::kPercent, [](const SeedRun& r) { return HitShare(r.summary); }},
      {"busy", PlotUnit::kPercent, [](const SeedRun& r) { return r.summary.busy_share; }},
      {"imbalance", PlotUnit::kNumber, [](const SeedRun& r) { return r.summary.imbalance; }},
      {"preempted", PlotUnit::kNumber,
       [](const SeedRun& r) { return static_cast<double>(r.summary.preemptions); }},
      {"shed or failed", PlotUnit::kNumber, [](const SeedRun& r) {
         return static_cast<double>(r.summary.shed + r.summary.failed + r.summary.unfinished);
       }}};
  if (!Fetches(report)) return columns;
  const auto hits = std::ranges::find(columns, std::string_view("hits"), &Column::name);
  columns.insert(hits + 1, {"fetched", PlotUnit::kPercent, [](const SeedRun& r) {
                              return ShareOfPrompts(r.summary.fetched_tokens, r.summary);
                            }});
  return columns;
}

std::vector<std::string> HeadWith(const SimulationReport& report, std::vector<std::string> first) {
  for (const Column& column : ColumnsOf(report)) first.emplace_back(column.name);
  return first;
}

std::string CellsOf(const SimulationReport& report, const RatePoint& point) {
  std::string cells;
  for (const Column& column : ColumnsOf(report)) {
    cells += Cell(SpreadOf(point, column.number).mean, column.unit);
  }
  return cells;
}

}  // namespace

std::string GoodputTable(const SimulationReport& report) {
  if (report.policies[0].searched.empty()) return "";
  std::string rows;
  for (const PolicyReport& policy : report.policies) {
    const Spread goodput = GoodputOf(policy);
    std::string cells = Word(policy.policy) + Cell(goodput.mean, PlotUnit::kNumber) +
                        Cell(goodput.min, PlotUnit::kNumber) + Cell(goodput.max, PlotUnit::kNumber);
    cells += report.bounds.work_rps > 0
                 ? Cell(goodput.mean / report.bounds.work_rps, PlotUnit::kPercent)
                 : Word("");
    rows += Row(cells);
  }
  return Table(
      {"policy", "goodput, requests/s", "lowest seed", "highest seed", "of the work bound"}, rows);
}

std::string RatesTable(const SimulationReport& report) {
  std::string rows;
  for (const PolicyReport& policy : report.policies) {
    const RatePoint* detail = DetailOf(report, policy);
    for (const RatePoint& point : policy.rates) {
      rows +=
          Row(Word(policy.policy) + Cell(RateOf(point), PlotUnit::kNumber) + CellsOf(report, point),
              &point == detail && policy.rates.size() > 1);
    }
  }
  return Table(HeadWith(report, {"policy", "requests/s"}), rows);
}

std::string SensitivityTable(const SimulationReport& report) {
  std::vector<std::string> head = {"assumed"};
  std::string base = Word("profile");
  for (const PolicyReport& policy : report.policies) {
    head.push_back(policy.policy + ", requests/s");
    base += Cell(GoodputOf(policy).mean, PlotUnit::kNumber);
  }
  std::string rows = Row(base, true);
  for (const SensitivityAxis& axis : report.sensitivity) {
    for (const SensitivitySetting& setting : axis.settings) {
      std::string cells = Word(fmt::format("--{} {}", axis.name, setting.text));
      for (const PolicyReport& policy : setting.policies) {
        cells += Cell(GoodputOf(policy).mean, PlotUnit::kNumber);
      }
      rows += Row(cells);
    }
  }
  return Table(head, rows);
}

std::string PlanTables(const SimulationReport& report) {
  const CapacityPlan& plan = *report.plan;
  std::string rows;
  for (const auto& [workers, point] : plan.sizes) {
    rows += Row(Cell(workers, PlotUnit::kNumber) + Cell(workers * plan.gpus, PlotUnit::kNumber) +
                    CellsOf(report, point),
                workers == plan.capacity.workers);
  }
  std::string out = Table(HeadWith(report, {"workers", "GPUs"}), rows);
  rows.clear();
  for (const CapacityTrial& trial : plan.capacity.trials) {
    std::string cells = Cell(trial.workers, PlotUnit::kNumber);
    for (const double one : trial.attainment) cells += Cell(one, PlotUnit::kPercent);
    rows += Row(cells, trial.workers == plan.capacity.workers);
  }
  std::vector<std::string> head = {"workers tried"};
  for (const uint64_t seed : report.seeds) head.push_back(fmt::format("seed {}", seed));
  out += "<p>Within the targets, for every size that was tried:</p>\n" + Table(head, rows);
  if (plan.what_ifs.empty()) return out;
  rows.clear();
  for (const WhatIf& what_if : plan.what_ifs) {
    rows += Row(Word(what_if.name) + Cell(what_if.attainment.mean, PlotUnit::kPercent) +
                Cell(what_if.hit_share.mean, PlotUnit::kPercent));
  }
  out += fmt::format(
      "<p>What limits it: at {} requests/s, a tenth more than it carries, what would help?</p>\n",
      FormatPlotValue(plan.overload_rate, PlotUnit::kNumber));
  return out + Table({"what if", "within targets", "hits"}, rows);
}

std::string ConfigurationTable(const SimulationReport& report) {
  std::string rows;
  const auto add = [&rows](const std::string& name, const std::string& value) {
    rows += Row(Word(name) + Word(value));
  };
  for (const auto& [name, value] : report.configuration) add(name, value);
  for (const ScriptedEvent& event : report.events) add("event", event.text);
  const StepProfile& profile = report.profile;
  add("profile", profile.name);
  add("hardware", profile.hardware);
  add("model", profile.model);
  add("profile's source", profile.source);
  add("profile's error",
      fmt::format("prefill {:.1f} % mean, {:.1f} % at most; decode {:.1f} % mean, {:.1f} % at most",
                  100 * profile.prefill_error_mean, 100 * profile.prefill_error_max,
                  100 * profile.decode_error_mean, 100 * profile.decode_error_max));
  add("version", report.version);
  return "<div class=\"scroll\"><table class=\"facts\">\n" + rows + "</table></div>\n";
}

}  // namespace cairn
