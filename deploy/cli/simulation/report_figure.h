// One figure of a report: a plot with its title and legend as HTML, and the curves that most of
// them have, one for each policy in its colour.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "deploy/cli/simulation/simulation_report.h"
#include "deploy/cli/simulation/svg_plot.h"

namespace cairn {

std::string Figure(const std::string& title, const std::string& note, const std::string& svg,
                   const std::string& legend = "");
// With a paragraph of text, if there is any.
std::string Section(const std::string& title, const std::string& text, const std::string& body);
// Figures beside each other.
std::string Plots(const std::string& figures, const char* kind = "plots");

struct LegendEntry {
  std::string name;
  uint32_t color = 0;
};
std::string Legend(const std::vector<LegendEntry>& entries);
// Of policies; nothing where there is one and nothing to tell apart.
std::string PolicyLegend(const SimulationReport& report);

// The plot with a curve of each policy that is given points.
LinePlot WithPolicies(LinePlot plot, const SimulationReport& report,
                      const std::function<void(size_t policy, PlotSeries&)>& add_points);

// A number of a point, over its seeds. None: the point does not have it.
using PointNumber = std::function<std::optional<Spread>(const RatePoint&)>;

// That number of every policy at every rate: the mean of the seeds in a band from the lowest to the
// highest.
LinePlot OverLoad(const SimulationReport& report, const std::string& name, AxisOptions y,
                  const PointNumber& number);
LinePlot OverLoad(const SimulationReport& report, const std::string& name, AxisOptions y,
                  const std::function<double(const SeedRun&)>& number);

// The target, or that of every class by its name. REQUIRES: `kind` is one of SloTarget's.
std::vector<PlotMark> TargetMarks(const SimulationReport& report, Duration SloTarget::*kind);

// What CurveOf gave: the share of values that were not larger than each.
void AddDistribution(const std::vector<Duration>& percentiles, PlotSeries& series);

// "mean and range of 3 seeds"
std::string SeedsNote(const SimulationReport& report);

}  // namespace cairn
