#include "deploy/cli/simulation/plot_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace cairn {
namespace {

constexpr int kDecadesMax = 6;
constexpr double kTicksWanted = 5;

std::string ThreeDigits(double value) {
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size >= 100) {
    std::string text = fmt::format("{:.0f}", size);
    for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return value < 0 ? "-" + text : text;
  }
  std::string text = fmt::format("{:.{}f}", value, size >= 10 ? 1 : size >= 1 ? 2 : 3);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

// 1, 2 or 5 times a power of ten: the smallest that is not below `wanted`.
double RoundStep(double wanted) {
  const double decade = std::pow(10, std::floor(std::log10(wanted)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * decade >= wanted * 0.999) return factor * decade;
  }
  return 10 * decade;
}

std::vector<double> LinearTicks(double low, double high) {
  std::vector<double> ticks;
  const double step = RoundStep((high - low) / kTicksWanted);
  const double slack = step * 1e-6;
  for (double i = std::ceil((low - slack) / step); i * step <= high + slack; ++i) {
    ticks.push_back(i * step);
  }
  return ticks;
}

// Whole decades if there are enough of them, else also 2 and 5 in each.
std::vector<double> LogTicks(double low, double high) {
  const double decades = std::log10(high / low);
  std::vector<double> ticks;
  for (double exponent = std::floor(std::log10(low)); exponent <= std::log10(high) + 1e-9;
       ++exponent) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10, exponent);
      if (factor > 1 && decades > 3) continue;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push_back(tick);
    }
  }
  return ticks;
}

}  // namespace

std::string FormatPlotValue(double value, PlotUnit unit) {
  if (unit == PlotUnit::kPercent) return ThreeDigits(value * 100) + " %";
  if (unit == PlotUnit::kNumber) return ThreeDigits(value);
  if (value == 0) return "0 s";
  if (value < 0.9995e-3) return ThreeDigits(value * 1e6) + " us";
  if (value < 0.9995) return ThreeDigits(value * 1e3) + " ms";
  if (value < 599.5) return ThreeDigits(value) + " s";
  if (value < 3600 * 3) return ThreeDigits(value / 60) + " min";
  return ThreeDigits(value / 3600) + " h";
}

PlotAxis::PlotAxis(PlotScale scale, PlotUnit unit, double low, double high)
    : scale_(scale), unit_(unit), low_(std::min(low, high)), high_(std::max(low, high)) {
  if (scale_ == PlotScale::kLog) {
    if (!(high_ > 0)) high_ = 1;
    low_ = std::max(low_, high_ * std::pow(10, -kDecadesMax));
    if (!(low_ < high_)) low_ = high_ / 10;
    ticks_ = LogTicks(low_, high_);
  } else {
    if (!(low_ < high_)) high_ = low_ + 1;
    ticks_ = LinearTicks(low_, high_);
  }
}

double PlotAxis::Place(double value) const {
  const double inside = std::clamp(value, low_, high_);
  if (scale_ == PlotScale::kLog) return std::log(inside / low_) / std::log(high_ / low_);
  return (inside - low_) / (high_ - low_);
}

}  // namespace cairn
