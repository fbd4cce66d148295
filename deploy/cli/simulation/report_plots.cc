#include "deploy/cli/simulation/report_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "deploy/cli/simulation/report_figure.h"

namespace cairn {
namespace {

// Where prompts were found.
struct HitTier {
  const char* name;
  uint32_t color;
  uint64_t ClusterSummary::*tokens;
};
constexpr HitTier kHitTiers[] = {
    {"device", 0, &ClusterSummary::hit_device_tokens},
    {"DRAM", 5, &ClusterSummary::hit_dram_tokens},
    {"fetched from another worker", 3, &ClusterSummary::fetched_tokens}};

std::string LatencyFigure(const SimulationReport& report, const char* what, const char* percent,
                          Duration SloTarget::*target, Percentiles ClusterSummary::*percentiles,
                          Duration Percentiles::*rank) {
  LinePlot plot =
      OverLoad(report, fmt::format("{} {} against load", what, percent),
               {.scale = PlotScale::kLog, .unit = PlotUnit::kSeconds},
               [=](const SeedRun& run) { return (run.summary.*percentiles.*rank).seconds(); });
  plot.at_y = TargetMarks(report, target);
  return Figure(fmt::format("{} {}", what, percent), "logarithmic", ToSvg(plot),
                PolicyLegend(report));
}

const SeedRun* DetailRun(const SimulationReport& report, size_t policy) {
  const RatePoint* point = DetailOf(report, report.policies[policy]);
  return point == nullptr || point->seeds.empty() ? nullptr : &point->seeds[0];
}

// A curve of each policy, of the run that is shown in detail.
LinePlot WithDetailRuns(LinePlot plot, const SimulationReport& report,
                        const std::function<void(const SeedRun&, PlotSeries&)>& add_points) {
  return WithPolicies(std::move(plot), report, [&](size_t policy, PlotSeries& series) {
    series.markers = false;
    if (const SeedRun* run = DetailRun(report, policy)) add_points(*run, series);
  });
}

std::string CurveFigure(const SimulationReport& report, const char* what,
                        Duration SloTarget::*target, std::vector<Duration> SeedRun::*curve) {
  LinePlot plot = WithDetailRuns(
      {.name = fmt::format("distribution of {}", what),
       .x = {.label = what, .scale = PlotScale::kLog, .unit = PlotUnit::kSeconds},
       .y = {.unit = PlotUnit::kPercent, .high = 1},
       .series = {}},
      report,
      [curve](const SeedRun& run, PlotSeries& series) { AddDistribution(run.*curve, series); });
  plot.at_x = TargetMarks(report, target);
  return Figure(fmt::format("Distribution of {}", what), "share of requests that were as fast",
                ToSvg(plot), PolicyLegend(report));
}

// Up to the last arrival. What the last few requests do says nothing of the rest.
size_t SlicesWithArrivals(const std::vector<TimeSlice>& slices) {
  size_t count = slices.size();
  while (count > 0 && slices[count - 1].arrivals == 0) --count;
  return count > 1 ? count - 1 : count;  // the last one is not a whole slice
}

// A number of every slice of time, and the events as marks.
std::string TimeFigure(const SimulationReport& report, const std::string& title,
                       const std::string& note, AxisOptions y,
                       const std::function<double(const TimeSlice&)>& number,
                       bool while_arriving = false) {
  LinePlot plot = WithDetailRuns(
      {.name = title,
       .x = {.label = "time since the start of the trace", .unit = PlotUnit::kSeconds},
       .y = std::move(y),
       .series = {}},
      report, [&](const SeedRun& run, PlotSeries& series) {
        const std::vector<TimeSlice>& slices = run.timeline.slices;
        const size_t shown = while_arriving ? SlicesWithArrivals(slices) : slices.size();
        for (size_t slice = 0; slice < shown; ++slice) {
          const double at = (static_cast<double>(slice) + 0.5) * run.timeline.slice.seconds();
          const double value = number(slices[slice]);
          series.points.push_back({at, value, value, value});
        }
      });
  for (const ScriptedEvent& event : report.events) {
    plot.at_x.push_back(
        {(event.at - Instant()).seconds(), event.text.substr(event.text.find(':') + 1)});
  }
  return Figure(title, note, ToSvg(plot), PolicyLegend(report));
}

// A number of each worker, the largest first.
std::string WorkersFigure(const SimulationReport& report, const std::string& title,
                          const std::string& note, AxisOptions y,
                          std::vector<double> SeedRun::*numbers) {
  const LinePlot plot = WithDetailRuns(
      {.name = title,
       .x = {.label = "workers, the fullest first", .from_zero = false},
       .y = std::move(y),
       .series = {}},
      report, [numbers](const SeedRun& run, PlotSeries& series) {
        std::vector<double> values = run.*numbers;
        std::ranges::sort(values, std::greater<>());
        series.markers = values.size() <= 40;
        for (size_t rank = 0; rank < values.size(); ++rank) {
          const double value = values[rank];
          series.points.push_back({static_cast<double>(rank + 1), value, value, value});
        }
      });
  return Figure(title, note, ToSvg(plot), PolicyLegend(report));
}

std::string TiersFigure(const SimulationReport& report) {
  BarPlot plot{.name = "cached prompt tokens by tier",
               .unit = PlotUnit::kPercent,
               .high = 0,
               .rows = {},
               .marks = {{report.bounds.hit_share, "one cache without end", true}}};
  std::set<size_t> used;
  for (const PolicyReport& policy : report.policies) {
    const RatePoint* point = DetailOf(report, policy);
    if (point == nullptr) continue;
    plot.rows.push_back({.label = policy.policy, .parts = {}});
    for (size_t i = 0; i < std::size(kHitTiers); ++i) {
      const HitTier& tier = kHitTiers[i];
      const double share = SpreadOf(*point, [&](const SeedRun& run) {
                             return ShareOfPrompts(run.summary.*tier.tokens, run.summary);
                           }).mean;
      plot.rows.back().parts.push_back({share, tier.color, tier.name});
      if (share > 0) used.insert(i);
    }
  }
  used.insert(0);
  std::vector<LegendEntry> legend;
  for (const size_t i : used) legend.push_back({kHitTiers[i].name, kHitTiers[i].color});
  const bool several = used.size() > 1;
  return Figure("Prompt tokens found in a cache, by tier",
                several ? "of the worker itself first" : "all in device memory", ToSvg(plot),
                several ? Legend(legend) : "");
}

}  // namespace

std::string LoadPlots(const SimulationReport& report) {
  std::string figures;
  const bool curves = report.policies[0].rates.size() > 1;
  const double bound = report.bounds.work_rps;
  const bool bounded = bound > 0 && std::isfinite(bound);
  if (curves) {
    LinePlot plot =
        OverLoad(report, "attainment against load", {.unit = PlotUnit::kPercent, .high = 1},
                 [](const SeedRun& run) { return run.summary.attainment; });
    plot.at_y.push_back({report.wanted_attainment, "wanted"});
    if (bounded) plot.at_x.push_back({bound, "work bound", true});
    figures += Figure("Requests within the targets, against load", SeedsNote(report), ToSvg(plot),
                      PolicyLegend(report));
  }
  if (!report.policies[0].searched.empty()) {
    BarPlot plot{.name = "goodput", .unit = PlotUnit::kNumber, .high = 0, .rows = {}, .marks = {}};
    for (uint32_t i = 0; i < report.policies.size(); ++i) {
      const Spread goodput = GoodputOf(report.policies[i]);
      plot.rows.push_back({.label = report.policies[i].policy,
                           .parts = {{goodput.mean, i, report.policies[i].policy}},
                           .low = goodput.min,
                           .high = goodput.max});
    }
    if (bounded) plot.marks.push_back({bound, "work bound", true});
    figures += Figure(fmt::format("Goodput at {:.4g} %", 100 * report.wanted_attainment),
                      "requests per second; " + SeedsNote(report), ToSvg(plot));
  }
  return figures.empty() ? "" : Plots(figures, "plots two");
}

std::string LatencyPlots(const SimulationReport& report) {
  std::string figures;
  const std::pair<const char*, Duration Percentiles::*> ranks[] = {
      {"p50", &Percentiles::p50}, {"p90", &Percentiles::p90}, {"p99", &Percentiles::p99}};
  for (const auto& [name, rank] : ranks) {
    figures += LatencyFigure(report, "TTFT", name, &SloTarget::ttft, &ClusterSummary::ttft, rank);
  }
  for (const auto& [name, rank] : ranks) {
    figures += LatencyFigure(report, "TPOT", name, &SloTarget::tpot, &ClusterSummary::tpot, rank);
  }
  return Plots(figures);
}

std::string DistributionPlots(const SimulationReport& report) {
  return Plots(CurveFigure(report, "TTFT", &SloTarget::ttft, &SeedRun::ttft_curve) +
               CurveFigure(report, "TPOT", &SloTarget::tpot, &SeedRun::tpot_curve));
}

std::string CachePlots(const SimulationReport& report) {
  std::string figures = TiersFigure(report);
  if (report.policies[0].rates.size() > 1) {
    LinePlot plot =
        OverLoad(report, "hit rate against load", {.unit = PlotUnit::kPercent, .high = 1},
                 [](const SeedRun& run) { return HitShare(run.summary); });
    plot.at_y.push_back({report.bounds.hit_share, "one cache without end", true});
    figures += Figure("Hit rate against load", "share of prompt tokens that were cached",
                      ToSvg(plot), PolicyLegend(report));
  }
  return Plots(figures);
}

std::string BalancePlots(const SimulationReport& report) {
  std::string figures =
      WorkersFigure(report, "Time each worker was busy", "share of the run in which it computed",
                    {.unit = PlotUnit::kPercent, .high = 1}, &SeedRun::busy_by_worker);
  figures += WorkersFigure(report, "Requests on each worker", "on average over the run", {},
                           &SeedRun::requests_by_worker);
  figures += TimeFigure(
      report, "Load imbalance over time",
      "requests on the fullest worker over the mean of those alive; 1 is even",
      {.from_zero = false}, [](const TimeSlice& s) { return s.request_imbalance; }, true);
  figures += TimeFigure(report, "Waiting for a worker", "requests in the schedulers' queues", {},
                        [](const TimeSlice& s) { return s.queued; });
  figures +=
      TimeFigure(report, "Waiting for the first token", "requests on a worker without a token", {},
                 [](const TimeSlice& s) { return s.prefilling; });
  figures += TimeFigure(report, "Being answered", "requests with a token and not finished", {},
                        [](const TimeSlice& s) { return s.decoding; });
  figures += TimeFigure(
      report, "Within the targets over time", "of the requests that came then",
      {.unit = PlotUnit::kPercent, .high = 1}, [](const TimeSlice& s) { return s.attainment; },
      true);
  figures += TimeFigure(
      report, "Hit rate over time", "of the requests that came then",
      {.unit = PlotUnit::kPercent, .high = 1}, [](const TimeSlice& s) { return s.hit_share; },
      true);
  if (!report.events.empty()) {
    figures += TimeFigure(report, "Workers alive", "on average", {},
                          [](const TimeSlice& s) { return s.workers; });
  }
  return Plots(figures);
}

std::string SensitivityPlots(const SimulationReport& report) {
  std::string figures;
  for (const SensitivityAxis& axis : report.sensitivity) {
    const bool overhead = axis.name == "host-overhead";
    LinePlot plot = WithPolicies(
        {.name = "goodput against " + axis.name,
         .x = {.label = overhead ? "host overhead of a step" : "GB/s between workers",
               .unit = overhead ? PlotUnit::kSeconds : PlotUnit::kNumber},
         .y = {},
         .series = {}},
        report, [&axis](size_t policy, PlotSeries& series) {
          for (const SensitivitySetting& setting : axis.settings) {
            const Spread goodput = GoodputOf(setting.policies[policy]);
            series.points.push_back({setting.value, goodput.mean, goodput.min, goodput.max});
          }
          std::ranges::sort(series.points, {}, &PlotPoint::x);
        });
    plot.at_x.push_back({axis.profile, "profile"});
    figures += Figure("Goodput against --" + axis.name, "requests per second; " + SeedsNote(report),
                      ToSvg(plot), PolicyLegend(report));
  }
  return Plots(figures);
}

}  // namespace cairn
