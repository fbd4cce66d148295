// One axis of a plot: which numbers it shows, where its ticks are and what they are called.
#pragma once

#include <string>
#include <vector>

namespace cairn {

enum class PlotScale { kLinear, kLog };
enum class PlotUnit { kNumber, kPercent, kSeconds };  // kPercent: of values from 0 to 1

// 0.9 -> "90 %", 0.0123 s -> "12.3 ms", 12345 -> "12,345". Three digits that matter.
std::string FormatPlotValue(double value, PlotUnit unit);

class PlotAxis {
 public:
  // Covers [low, high], which are put in order and apart if they are not. A logarithmic axis shows
  // no more than six decades, the highest.
  PlotAxis(PlotScale scale, PlotUnit unit, double low, double high);

  // Where a value stands, from 0 to 1. What is outside stands at the end it left by.
  double Place(double value) const;
  const std::vector<double>& ticks() const { return ticks_; }
  std::string Label(double tick) const { return FormatPlotValue(tick, unit_); }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  PlotScale scale_;
  PlotUnit unit_;
  double low_;
  double high_;
  std::vector<double> ticks_;
};

}  // namespace cairn
