#include "deploy/cli/simulation/report_groups.h"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "deploy/cli/simulation/html_table.h"
#include "deploy/cli/simulation/report_figure.h"

namespace cairn {
namespace {

// Of tenants, those with the most work have plots and rows of their own.
constexpr size_t kTenantsDrawn = 7;
constexpr uint32_t kOthersColor = 7;
constexpr size_t kTenantsListed = 16;

constexpr PlotUnit kNumber = PlotUnit::kNumber;
constexpr PlotUnit kPercent = PlotUnit::kPercent;
constexpr PlotUnit kSeconds = PlotUnit::kSeconds;

template <typename Group>
struct GroupColumn {
  const char* name;
  PlotUnit unit;
  std::function<double(const Group&)> number;
};

template <typename Group>
std::string GroupTable(const SimulationReport& report, const char* kind,
                       std::vector<Group> SeedRun::*groups, const std::vector<std::string>& names,
                       const std::vector<GroupColumn<Group>>& columns) {
  std::vector<std::string> head = {kind, LabelOfShown(report)};
  for (const GroupColumn<Group>& column : columns) head.emplace_back(column.name);
  std::string rows;
  for (const std::string& name : names) {
    for (const ShownPoint& shown : ShownPoints(report)) {
      std::string cells = Word(name) + Word(shown.label);
      for (const GroupColumn<Group>& column : columns) {
        const auto spread = SpreadOf(*shown.point, groups, name, column.number);
        cells += spread ? Cell(spread->mean, column.unit) : Word("");
      }
      rows += Row(cells);
    }
  }
  return Table(head, rows, 2);
}

const std::vector<GroupColumn<GroupSummary>>& RequestColumns() {
  using Group = GroupSummary;
  static const std::vector<GroupColumn<Group>> kColumns = {
      {"requests", kNumber, [](const Group& g) { return static_cast<double>(g.requests); }},
      {"share of work", kPercent, [](const Group& g) { return g.work_share; }},
      {"within targets", kPercent, [](const Group& g) { return g.attainment; }},
      {"TTFT p50", kSeconds, [](const Group& g) { return g.ttft.p50.seconds(); }},
      {"p90", kSeconds, [](const Group& g) { return g.ttft.p90.seconds(); }},
      {"p99", kSeconds, [](const Group& g) { return g.ttft.p99.seconds(); }},
      {"TPOT p50", kSeconds, [](const Group& g) { return g.tpot.p50.seconds(); }},
      {"p90", kSeconds, [](const Group& g) { return g.tpot.p90.seconds(); }},
      {"p99", kSeconds, [](const Group& g) { return g.tpot.p99.seconds(); }},
      {"shed or expired", kNumber,
       [](const Group& g) { return static_cast<double>(g.shed + g.expired); }}};
  return kColumns;
}

const std::vector<GroupColumn<RoleSummary>>& RoleColumns() {
  using Group = RoleSummary;
  static const std::vector<GroupColumn<Group>> kColumns = {
      {"workers", kNumber, [](const Group& g) { return static_cast<double>(g.workers); }},
      {"busy", kPercent, [](const Group& g) { return g.busy_share; }},
      {"imbalance", kNumber, [](const Group& g) { return g.imbalance; }},
      {"no token yet", kNumber, [](const Group& g) { return g.prefilling; }},
      {"answering", kNumber, [](const Group& g) { return g.decoding; }},
      {"KV in use", kPercent, [](const Group& g) { return g.kv_share; }},
      {"prefilled", kNumber, [](const Group& g) { return static_cast<double>(g.prefill_tokens); }},
      {"decoded", kNumber, [](const Group& g) { return static_cast<double>(g.decode_tokens); }},
      {"handed on", kNumber, [](const Group& g) { return static_cast<double>(g.handoffs_out); }},
      {"taken over", kNumber, [](const Group& g) { return static_cast<double>(g.handoffs_in); }}};
  return kColumns;
}

bool HasCurves(const SimulationReport& report) {
  return !report.policies.empty() && report.policies[0].rates.size() > 1;
}

// A number of every policy: over load where there are several rates, else as bars.
std::string NumberFigure(const SimulationReport& report, const std::string& title,
                         const std::string& note, AxisOptions y, const PointNumber& number,
                         const std::vector<PlotMark>& marks = {}) {
  if (HasCurves(report)) {
    LinePlot plot = OverLoad(report, title + " against load", std::move(y), number);
    plot.at_y = marks;
    return Figure(title, note, ToSvg(plot), PolicyLegend(report));
  }
  BarPlot plot{.name = title, .unit = y.unit, .high = y.high, .rows = {}, .marks = marks};
  for (uint32_t i = 0; i < report.policies.size(); ++i) {
    const RatePoint* point = DetailOf(report, report.policies[i]);
    const std::optional<Spread> spread = point == nullptr ? std::nullopt : number(*point);
    if (!spread) continue;
    const std::string& policy = report.policies[i].policy;
    plot.rows.push_back({.label = policy,
                         .parts = {{spread->mean, i, policy}},
                         .low = spread->min,
                         .high = spread->max});
  }
  return Figure(title, note, ToSvg(plot));
}

template <typename Group, typename Number>
PointNumber NumberOf(std::vector<Group> SeedRun::*groups, const std::string& name,
                     const Number& number) {
  return [=](const RatePoint& point) { return SpreadOf(point, groups, name, number); };
}

// How TTFT or TPOT is spread over the requests of a class: its attainment and its percentiles in
// one picture, at the rate of the details and of the first seed.
std::string ClassCurves(const SimulationReport& report, const std::string& name, const char* what,
                        Duration target, std::vector<Duration> GroupSummary::*curve) {
  LinePlot plot = WithPolicies({.name = fmt::format("distribution of {} of {}", what, name),
                                .x = {.label = what, .scale = PlotScale::kLog, .unit = kSeconds},
                                .y = {.unit = kPercent, .high = 1},
                                .series = {}},
                               report, [&](size_t policy, PlotSeries& series) {
                                 const RatePoint* point = DetailOf(report, report.policies[policy]);
                                 if (point == nullptr || point->seeds.empty()) return;
                                 series.markers = false;
                                 for (const GroupSummary& group : point->seeds[0].classes) {
                                   if (group.name == name) AddDistribution(group.*curve, series);
                                 }
                               });
  if (plot.series.empty()) return "";  // with one token each there is no TPOT
  if (target > Duration()) plot.at_x.push_back({target.seconds(), "target"});
  return Figure(fmt::format("{}: {}", name, what), "share of requests that were as fast",
                ToSvg(plot), PolicyLegend(report));
}

std::string ClassPlots(const SimulationReport& report, const std::vector<std::string>& names) {
  std::string figures;
  for (const std::string& name : names) {
    SloTarget target;
    for (const LatencyClass& one : report.classes) {
      if (one.name == name) target = one.target;
    }
    figures += NumberFigure(report, name + ": within its targets", SeedsNote(report),
                            {.unit = kPercent, .high = 1},
                            NumberOf(&SeedRun::classes, name, &GroupSummary::attainment),
                            {{report.wanted_attainment, "wanted"}});
    figures += ClassCurves(report, name, "TTFT", target.ttft, &GroupSummary::ttft_curve);
    figures += ClassCurves(report, name, "TPOT", target.tpot, &GroupSummary::tpot_curve);
  }
  return Plots(figures);
}

// Those who had the most work first, as the first shown point has it.
std::vector<std::string> TenantsByWork(const SimulationReport& report) {
  std::vector<std::string> names = GroupNames(report, &SeedRun::tenants);
  const std::vector<ShownPoint> shown = ShownPoints(report);
  std::vector<std::pair<double, std::string>> ranked;
  for (std::string& name : names) {
    const std::optional<Spread> share =
        SpreadOf(*shown[0].point, &SeedRun::tenants, name, &GroupSummary::work_share);
    ranked.emplace_back(share ? share->mean : 0, std::move(name));
  }
  std::ranges::stable_sort(ranked, std::greater<>(), &std::pair<double, std::string>::first);
  names.clear();
  for (auto& [share, name] : ranked) names.push_back(std::move(name));
  return names;
}

std::string TenantWord(const std::string& name) { return "tenant " + name; }

// The largest tenants in a colour each.
std::string TenantLegend(const std::vector<std::string>& names) {
  std::vector<LegendEntry> entries;
  for (uint32_t i = 0; i < names.size() && i < kTenantsDrawn; ++i) {
    entries.push_back({TenantWord(names[i]), i});
  }
  if (names.size() > kTenantsDrawn) {
    entries.push_back({fmt::format("{} others", names.size() - kTenantsDrawn), kOthersColor});
  }
  return Legend(entries);
}

std::string WorkFigure(const SimulationReport& report, const std::vector<std::string>& names) {
  BarPlot plot{.name = "share of work",
               .unit = kPercent,
               .high = 1,
               .rows = {},
               .marks = {},
               .parts_of_whole = true};
  for (const ShownPoint& shown : ShownPoints(report)) {
    BarRow row{.label = shown.label, .parts = {}};
    double others = 0;
    for (uint32_t i = 0; i < names.size(); ++i) {
      const std::optional<Spread> share =
          SpreadOf(*shown.point, &SeedRun::tenants, names[i], &GroupSummary::work_share);
      if (!share) continue;
      if (i < kTenantsDrawn) {
        row.parts.push_back({share->mean, i, TenantWord(names[i])});
      } else {
        others += share->mean;
      }
    }
    row.parts.push_back({others, kOthersColor, "others"});
    plot.rows.push_back(std::move(row));
  }
  return Figure("Share of work", "tokens computed for each: prompts without hits, and answers",
                ToSvg(plot), TenantLegend(names));
}

// Under one policy, a tenant a curve or a bar.
std::string TenantFigure(const SimulationReport& report, const PolicyReport& policy,
                         const std::vector<std::string>& names) {
  const std::string title = policy.policy + ": within the targets, by tenant";
  const size_t drawn = std::min(names.size(), kTenantsDrawn);
  LinePlot lines{.name = title,
                 .x = {.label = "requests per second", .from_zero = false},
                 .y = {.unit = kPercent, .high = 1},
                 .series = {},
                 .at_x = {},
                 .at_y = {{report.wanted_attainment, "wanted"}}};
  BarPlot bars{.name = title,
               .unit = kPercent,
               .high = 1,
               .rows = {},
               .marks = {{report.wanted_attainment, "wanted"}}};
  for (uint32_t i = 0; i < drawn; ++i) {
    PlotSeries series{.name = TenantWord(names[i]), .color = i, .points = {}};
    for (const RatePoint& point : policy.rates) {
      const std::optional<Spread> share =
          SpreadOf(point, &SeedRun::tenants, names[i], &GroupSummary::attainment);
      if (!share) continue;
      series.points.push_back({RateOf(point), share->mean, share->mean, share->mean});
      bars.rows.push_back({.label = series.name,
                           .parts = {{share->mean, i, series.name}},
                           .low = share->min,
                           .high = share->max});
    }
    lines.series.push_back(std::move(series));
  }
  const char* note = "of each request's class";
  if (!HasCurves(report)) return Figure(title, note, ToSvg(bars));
  return Figure(title, note, ToSvg(lines), TenantLegend({names.begin(), names.begin() + drawn}));
}

std::string RolePlots(const SimulationReport& report, const std::vector<std::string>& names) {
  std::string figures;
  for (const std::string& name : names) {
    figures += NumberFigure(report, name + " workers: busy", "share of their time, mean",
                            {.unit = kPercent, .high = 1},
                            NumberOf(&SeedRun::roles, name, &RoleSummary::busy_share));
    figures += NumberFigure(report, name + " workers: before the first token",
                            "requests on each: its queue and what it computes", {},
                            NumberOf(&SeedRun::roles, name, &RoleSummary::prefilling));
  }
  figures += NumberFigure(
      report, "Handed over", "times a request, from one worker to another with its KV", {},
      [](const RatePoint& point) -> std::optional<Spread> {
        return SpreadOf(point, [](const SeedRun& run) {
          uint64_t handed = 0;
          for (const RoleSummary& role : run.roles) handed += role.handoffs_in;
          return run.summary.requests == 0
                     ? 0
                     : static_cast<double>(handed) / static_cast<double>(run.summary.requests);
        });
      });
  return Plots(figures);
}

// At which rate the table's numbers are.
std::string TableNote(const SimulationReport& report) {
  const RatePoint& point = *ShownPoints(report)[0].point;
  return fmt::format("The table is at {:.3g} requests/s, as the mean of {} seed{}.", RateOf(point),
                     point.seeds.size(), point.seeds.size() == 1 ? "" : "s");
}

}  // namespace

std::string ClassSection(const SimulationReport& report) {
  const std::vector<std::string> names = GroupNames(report, &SeedRun::classes);
  if (names.empty()) return "";
  const std::string plots = report.policies.empty() ? "" : ClassPlots(report, names);
  return Section("Latency classes",
                 "Each is measured against its own targets. " + TableNote(report),
                 plots + GroupTable(report, "class", &SeedRun::classes, names, RequestColumns()));
}

std::string TenantSection(const SimulationReport& report) {
  std::vector<std::string> names = TenantsByWork(report);
  if (names.empty()) return "";
  std::string figures = WorkFigure(report, names);
  for (const PolicyReport& policy : report.policies) figures += TenantFigure(report, policy, names);
  std::string text = "Those who had the most work come first. " + TableNote(report);
  if (names.size() > kTenantsListed) {
    text +=
        fmt::format(" {} tenants with less work are in the JSON.", names.size() - kTenantsListed);
    names.resize(kTenantsListed);
  }
  return Section(
      "Tenants", text,
      Plots(figures) + GroupTable(report, "tenant", &SeedRun::tenants, names, RequestColumns()));
}

std::string RoleSection(const SimulationReport& report) {
  const std::vector<std::string> names = GroupNames(report, &SeedRun::roles);
  if (names.empty()) return "";
  const std::string plots = report.policies.empty() ? "" : RolePlots(report, names);
  return Section(
      "Workers by role",
      "Requests are counted on each worker, on average over the run. " + TableNote(report),
      plots + GroupTable(report, "role", &SeedRun::roles, names, RoleColumns()));
}

}  // namespace cairn
