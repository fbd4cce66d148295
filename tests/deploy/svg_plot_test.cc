#include "deploy/cli/simulation/svg_plot.h"

#include <catch2/catch.hpp>
#include <regex>

namespace cairn {
namespace {

size_t Count(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++count;
  return count;
}

LinePlot TwoLines() {
  LinePlot plot{.name = "a plot", .x = {.label = "load"}, .y = {}, .series = {}};
  plot.series = {{.name = "one", .color = 0, .points = {{1, 2, 1, 3}, {2, 4, 4, 4}}},
                 {.name = "two <&>", .color = 1, .points = {{1, 1, 1, 1}, {2, 2, 2, 2}}}};
  return plot;
}

TEST_CASE("a plot has a line and markers for each series, and a band where seeds differ") {
  const std::string svg = ToSvg(TwoLines());
  CHECK(Count(svg, "<polyline") == 2);
  CHECK(Count(svg, "class=\"dot c0\"") == 2);
  CHECK(Count(svg, "class=\"band") == 1);
  CHECK(svg.find("<title>one, 1: 2 (1 to 3)</title>") != std::string::npos);
  CHECK(svg.find("two &lt;&amp;&gt;") != std::string::npos);
  CHECK(svg.find("two <") == std::string::npos);
}

TEST_CASE("everything that is drawn is inside the picture, whatever the numbers are") {
  LinePlot plot = TwoLines();
  plot.series[0].points = {{0, 0, 0, 0}, {1e12, 1e-12, 0, 5}, {-5, -1e9, -1e9, 3}};
  plot.at_x = {{1e30, "far"}, {5, "near"}};
  for (const PlotScale scale : {PlotScale::kLinear, PlotScale::kLog}) {
    plot.x.scale = plot.y.scale = scale;
    const std::string svg = ToSvg(plot);
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
    CHECK(svg.find("far") == std::string::npos);
    const std::regex number("(c?[xy][12]?)=\"(-?[0-9.]+)\"");
    for (auto it = std::sregex_iterator(svg.begin(), svg.end(), number);
         it != std::sregex_iterator(); ++it) {
      const double value = std::stod((*it)[2]);
      CHECK(value >= -10);
      CHECK(value <= 450);
    }
  }
}

TEST_CASE("a plot without points is an empty frame") {
  CHECK(ToSvg(LinePlot{.name = "", .x = {}, .y = {}, .series = {}}).find("</svg>") !=
        std::string::npos);
  CHECK(ToSvg(BarPlot{}).find("</svg>") != std::string::npos);
}

TEST_CASE("bars are stacked, say their sum and their parts, and stand before a bound") {
  BarPlot plot{.name = "hits", .unit = PlotUnit::kPercent, .high = 0, .rows = {}, .marks = {}};
  plot.rows = {
      {.label = "dual-hash", .parts = {{0.5, 0, "device"}, {0.25, 5, "DRAM"}, {0, 1, "nothing"}}}};
  plot.marks = {{0.9, "bound", true}};
  const std::string svg = ToSvg(plot);
  CHECK(Count(svg, "class=\"bar") == 2);
  CHECK(svg.find(">dual-hash: 75 %</text>") != std::string::npos);
  CHECK(svg.find("<title>DRAM: 25 %</title>") != std::string::npos);
  CHECK(svg.find("bound: 90 %") != std::string::npos);
}

TEST_CASE("an axis covers its range with a few round ticks") {
  const PlotAxis linear(PlotScale::kLinear, PlotUnit::kNumber, 0, 17);
  CHECK(linear.ticks() == std::vector<double>{0, 5, 10, 15});
  CHECK(linear.Place(0) == 0);
  CHECK(linear.Place(17) == 1);
  CHECK(linear.Place(99) == 1);
  const PlotAxis log(PlotScale::kLog, PlotUnit::kSeconds, 0.01, 10);
  CHECK(log.Place(0.01) == Approx(0));
  CHECK(log.Place(0.1) == Approx(1.0 / 3));
  CHECK(log.Place(0) == Approx(0));
  CHECK(log.ticks().size() == 10);  // 1, 2 and 5 in three decades
  CHECK(PlotAxis(PlotScale::kLog, PlotUnit::kSeconds, 0.001, 10).ticks().size() == 5);
  for (const double high : {1e-9, 0.3, 1.0, 8.9, 123456.0}) {
    const PlotAxis axis(PlotScale::kLinear, PlotUnit::kNumber, 0, high);
    CHECK(axis.ticks().size() >= 3);
    CHECK(axis.ticks().size() <= 8);
  }
}

TEST_CASE("values are shown with three digits that matter and their unit") {
  CHECK(FormatPlotValue(0.9, PlotUnit::kPercent) == "90 %");
  CHECK(FormatPlotValue(0.98765, PlotUnit::kPercent) == "98.8 %");
  CHECK(FormatPlotValue(0.0123, PlotUnit::kSeconds) == "12.3 ms");
  CHECK(FormatPlotValue(5, PlotUnit::kSeconds) == "5 s");
  CHECK(FormatPlotValue(0.00005, PlotUnit::kSeconds) == "50 us");
  CHECK(FormatPlotValue(900, PlotUnit::kSeconds) == "15 min");
  CHECK(FormatPlotValue(12345, PlotUnit::kNumber) == "12,345");
  CHECK(FormatPlotValue(0, PlotUnit::kNumber) == "0");
}

}  // namespace
}  // namespace cairn
