// A small writer of plots as SVG: lines with bands and markers over two axes, and rows of stacked
// bars. What is drawn carries class names and no colours; the page around it (report_style.h) says
// how they look on light, on dark and on paper. Every marker and bar has a <title>, which browsers
// show to a pointer that rests on it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/cli/simulation/plot_axis.h"

namespace cairn {

struct PlotPoint {
  double x = 0;
  double y = 0;
  double low = 0;  // the band around it; equal where there is none
  double high = 0;
};

inline constexpr uint32_t kPlotColors = 8;  // then they begin again

struct PlotSeries {
  std::string name;
  uint32_t color = 0;
  std::vector<PlotPoint> points;  // by x
  bool markers = true;
  bool dashed = false;
};

// A line over the whole plot, with a word at its end.
struct PlotMark {
  double at = 0;
  std::string label;
  bool bound = false;  // drawn stronger: nothing passes it
};

struct AxisOptions {
  std::string label;
  PlotScale scale = PlotScale::kLinear;
  PlotUnit unit = PlotUnit::kNumber;
  bool from_zero = true;  // of linear axes: they begin at 0
  double high = 0;        // 0: as high as the data
};

struct LinePlot {
  std::string name;  // for those who cannot see it
  AxisOptions x, y;
  std::vector<PlotSeries> series;
  std::vector<PlotMark> at_x, at_y;
};

std::string ToSvg(const LinePlot& plot);

struct BarPart {
  double value = 0;
  uint32_t color = 0;
  std::string name;
};

struct BarRow {
  std::string label;
  std::vector<BarPart> parts;  // stacked
  double low = 0, high = 0;    // the spread of their sum; equal: none is drawn
};

struct BarPlot {
  std::string name;
  PlotUnit unit = PlotUnit::kNumber;
  double high = 0;  // 0: as high as the data
  std::vector<BarRow> rows;
  std::vector<PlotMark> marks;
  bool parts_of_whole = false;  // each row's sum is the same and says nothing
};

std::string ToSvg(const BarPlot& plot);

// A short line with the marker of a colour, to stand beside a word.
std::string LegendMark(uint32_t color);

}  // namespace cairn
