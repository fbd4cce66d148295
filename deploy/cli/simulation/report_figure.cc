#include "deploy/cli/simulation/report_figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "deploy/cli/simulation/html_text.h"

namespace cairn {

std::string Figure(const std::string& title, const std::string& note, const std::string& svg,
                   const std::string& legend) {
  return fmt::format("<figure><figcaption><b>{}</b><span>{}</span></figcaption>\n{}{}</figure>\n",
                     EscapeHtml(title), EscapeHtml(note), svg, legend);
}

std::string Section(const std::string& title, const std::string& text, const std::string& body) {
  std::string out = fmt::format("<section>\n<h2>{}</h2>\n", EscapeHtml(title));
  if (!text.empty()) out += fmt::format("<p>{}</p>\n", EscapeHtml(text));
  return out + body + "</section>\n";
}

std::string Plots(const std::string& figures, const char* kind) {
  return fmt::format("<div class=\"{}\">\n{}</div>\n", kind, figures);
}

std::string Legend(const std::vector<LegendEntry>& entries) {
  std::string out = "<ul class=\"legend\">";
  for (const LegendEntry& entry : entries) {
    out += fmt::format("<li>{}{}</li>", LegendMark(entry.color), EscapeHtml(entry.name));
  }
  return out + "</ul>\n";
}

std::string PolicyLegend(const SimulationReport& report) {
  if (report.policies.size() < 2) return "";
  std::vector<LegendEntry> entries;
  for (uint32_t i = 0; i < report.policies.size(); ++i) {
    entries.push_back({report.policies[i].policy, i});
  }
  return Legend(entries);
}

LinePlot WithPolicies(LinePlot plot, const SimulationReport& report,
                      const std::function<void(size_t policy, PlotSeries&)>& add_points) {
  for (uint32_t i = 0; i < report.policies.size(); ++i) {
    PlotSeries series{.name = report.policies[i].policy, .color = i, .points = {}};
    add_points(i, series);
    if (!series.points.empty()) plot.series.push_back(std::move(series));
  }
  return plot;
}

LinePlot OverLoad(const SimulationReport& report, const std::string& name, AxisOptions y,
                  const PointNumber& number) {
  return WithPolicies(
      {.name = name,
       .x = {.label = "requests per second", .from_zero = false},
       .y = std::move(y),
       .series = {}},
      report, [&](size_t policy, PlotSeries& series) {
        for (const RatePoint& point : report.policies[policy].rates) {
          const std::optional<Spread> spread = number(point);
          if (!spread) continue;
          series.points.push_back({RateOf(point), spread->mean, spread->min, spread->max});
        }
      });
}

LinePlot OverLoad(const SimulationReport& report, const std::string& name, AxisOptions y,
                  const std::function<double(const SeedRun&)>& number) {
  return OverLoad(report, name, std::move(y), PointNumber([&number](const RatePoint& point) {
                    return std::optional<Spread>(SpreadOf(point, number));
                  }));
}

std::vector<PlotMark> TargetMarks(const SimulationReport& report, Duration SloTarget::*kind) {
  if (report.classes.size() < 2) {
    const Duration target = report.target.*kind;
    if (target <= Duration()) return {};
    return {{target.seconds(), "target"}};
  }
  std::vector<PlotMark> marks;
  for (const LatencyClass& one : report.classes) {
    const Duration target = one.target.*kind;
    if (target > Duration()) marks.push_back({target.seconds(), one.name});
  }
  return marks;
}

void AddDistribution(const std::vector<Duration>& percentiles, PlotSeries& series) {
  for (size_t percent = 0; percent < percentiles.size(); ++percent) {
    const double y = static_cast<double>(percent) / 100;
    // A logarithmic axis has no place for a time of zero.
    series.points.push_back({std::max(percentiles[percent].seconds(), 1e-5), y, y, y});
  }
}

std::string SeedsNote(const SimulationReport& report) {
  const size_t seeds = report.seeds.size();
  return seeds == 1 ? "one seed" : fmt::format("mean and range of {} seeds", seeds);
}

}  // namespace cairn
