#include "deploy/cli/simulation/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "deploy/cli/simulation/html_text.h"

namespace cairn {
namespace {

// In the units of the view box. A plot is shown at about this size, so that its letters are as
// large as those around it.
constexpr double kWidth = 440;
constexpr double kHeight = 250;
constexpr double kLeft = 52;
constexpr double kRight = 14;
constexpr double kTop = 16;
constexpr double kBottom = 40;
constexpr double kRowHeight = 34;
constexpr double kBarHeight = 13;
constexpr double kLetterWidth = 6.3;

std::string Open(const std::string& name, double height) {
  return fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">\n", kWidth,
                     height, EscapeHtml(name));
}

std::string Text(double x, double y, const char* kind, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>\n", x, y, kind,
                     EscapeHtml(text));
}

std::string Line(double x1, double y1, double x2, double y2, const char* kind) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2,
      y2, kind);
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void Add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

PlotAxis AxisOf(const AxisOptions& options, Range range) {
  if (range.low > range.high) range = {0, 1};
  if (options.scale == PlotScale::kLinear && options.from_zero)
    range.low = std::min(range.low, 0.0);
  if (options.high > 0) range.high = options.high;
  return PlotAxis(options.scale, options.unit, range.low, range.high);
}

// The axes of a plot, and where they put a point.
class Frame {
 public:
  Frame(const LinePlot& plot, PlotAxis x, PlotAxis y)
      : plot_(plot), x_(std::move(x)), y_(std::move(y)) {}

  double X(double value) const { return kLeft + x_.Place(value) * (kWidth - kLeft - kRight); }
  double Y(double value) const {
    return kHeight - kBottom - y_.Place(value) * (kHeight - kTop - kBottom);
  }
  bool Shows(double x) const { return x >= x_.low() && x <= x_.high(); }

  std::string Grid() const {
    std::string out;
    for (const double tick : y_.ticks()) {
      out += Line(kLeft, Y(tick), kWidth - kRight, Y(tick), "grid");
      out += Text(kLeft - 6, Y(tick) + 4, "ty", y_.Label(tick));
    }
    // Labels that would touch are left out.
    double free_from = 0;
    for (const double tick : x_.ticks()) {
      const std::string label = x_.Label(tick);
      const double half = static_cast<double>(label.size()) * kLetterWidth / 2;
      out += Line(X(tick), kHeight - kBottom, X(tick), kHeight - kBottom + 4, "axis");
      if (X(tick) - half < free_from) continue;
      free_from = X(tick) + half + 6;
      out += Text(X(tick), kHeight - kBottom + 17, "tx", label);
    }
    out += Line(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "axis");
    out += Text((kLeft + kWidth - kRight) / 2, kHeight - 5, "lx", plot_.x.label);
    return out;
  }

  std::string MarkLines() const {
    std::string out;
    for (const PlotMark& mark : plot_.at_y) {
      out += Line(kLeft, Y(mark.at), kWidth - kRight, Y(mark.at), mark.bound ? "bound" : "mark");
    }
    for (const PlotMark& mark : plot_.at_x) {
      if (!Shows(mark.at)) continue;
      out += Line(X(mark.at), kTop, X(mark.at), kHeight - kBottom, mark.bound ? "bound" : "mark");
    }
    return out;
  }

  // Words of horizontal lines stand at their left end, where those of vertical lines seldom are;
  // the latter in turn at one of three heights, so that neighbours do not cover each other.
  std::string MarkWords() const {
    std::string out;
    for (const PlotMark& mark : plot_.at_y) {
      out += Text(kLeft + 2, Y(mark.at) - 4, "ms", mark.label);
    }
    size_t shown = 0;
    for (const PlotMark& mark : plot_.at_x) {
      if (!Shows(mark.at)) continue;
      const double x = X(mark.at);
      const double width = static_cast<double>(mark.label.size()) * kLetterWidth;
      const double y = kTop + 10 + 12 * static_cast<double>(shown++ % 3);
      const bool left = x + 4 + width > kWidth - kRight && x - 4 - width > kLeft;
      out += Text(left ? x - 4 : x + 4, y, left ? "me" : "ms", mark.label);
    }
    return out;
  }

 private:
  const LinePlot& plot_;
  const PlotAxis x_, y_;
};

bool HasBand(const PlotSeries& series) {
  return std::ranges::any_of(series.points, [](const PlotPoint& p) { return p.low < p.high; });
}

std::string Band(const Frame& frame, const PlotSeries& series) {
  if (!HasBand(series)) return "";
  std::string there, back;
  for (const PlotPoint& p : series.points) {
    there += fmt::format("{:.1f},{:.1f} ", frame.X(p.x), frame.Y(p.high));
    back = fmt::format("{:.1f},{:.1f} ", frame.X(p.x), frame.Y(p.low)) + back;
  }
  return fmt::format("<polygon class=\"band c{}\" points=\"{}{}\"/>\n", series.color % kPlotColors,
                     there, back);
}

// Colours have shapes too, for those who cannot tell them apart and for paper.
std::string Marker(double x, double y, uint32_t color) {
  switch (color % 4) {
    case 0:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.4\"", x, y);
    case 1:
      return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"6.2\" height=\"6.2\"", x - 3.1,
                         y - 3.1);
    case 2:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l4 7h-8z\"", x, y - 4.4);
    default:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l4.2 4.2-4.2 4.2-4.2-4.2z\"", x, y - 4.2);
  }
}

std::string TitleOf(const LinePlot& plot, const PlotSeries& series, const PlotPoint& point) {
  std::string title =
      fmt::format("{}{}{}: {}", series.name, series.name.empty() ? "" : ", ",
                  FormatPlotValue(point.x, plot.x.unit), FormatPlotValue(point.y, plot.y.unit));
  if (point.low < point.high) {
    title += fmt::format(" ({} to {})", FormatPlotValue(point.low, plot.y.unit),
                         FormatPlotValue(point.high, plot.y.unit));
  }
  return EscapeHtml(title);
}

std::string Curve(const Frame& frame, const LinePlot& plot, const PlotSeries& series) {
  if (series.points.empty()) return "";
  const uint32_t color = series.color % kPlotColors;
  std::string line, markers;
  for (const PlotPoint& p : series.points) {
    const double x = frame.X(p.x), y = frame.Y(p.y);
    line += fmt::format("{:.1f},{:.1f} ", x, y);
    if (!series.markers) continue;
    markers += fmt::format("{} class=\"dot c{}\"><title>{}</title></{}>\n", Marker(x, y, color),
                           color, TitleOf(plot, series, p),
                           color % 4 == 0   ? "circle"
                           : color % 4 == 1 ? "rect"
                                            : "path");
  }
  return fmt::format(
      "<polyline class=\"line c{}{}\" points=\"{}\"><title>{}</title></polyline>\n{}", color,
      series.dashed ? " dashed" : "", line, EscapeHtml(series.name), markers);
}

double SumOf(const BarRow& row) {
  double sum = 0;
  for (const BarPart& part : row.parts) sum += part.value;
  return sum;
}

std::string RowOf(const BarPlot& plot, const BarRow& row, const PlotAxis& axis, double top) {
  const auto x = [&axis](double value) { return 2 + axis.Place(value) * (kWidth - 2 - kRight); };
  const double bar = top + kRowHeight - kBarHeight - 4;
  std::string words = row.label;
  if (!plot.parts_of_whole) words += ": " + FormatPlotValue(SumOf(row), plot.unit);
  if (row.low < row.high) {
    words += fmt::format(" ({} to {})", FormatPlotValue(row.low, plot.unit),
                         FormatPlotValue(row.high, plot.unit));
  }
  std::string out = Text(2, bar - 5, "ms row", words);
  double from = 0;
  for (const BarPart& part : row.parts) {
    if (!(part.value > 0)) continue;
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" class=\"bar c{}\">"
        "<title>{}</title></rect>\n",
        x(from), bar, x(from + part.value) - x(from), kBarHeight, part.color % kPlotColors,
        EscapeHtml(fmt::format("{}{}{}", part.name, part.name.empty() ? "" : ": ",
                               FormatPlotValue(part.value, plot.unit))));
    from += part.value;
  }
  if (row.low < row.high) {
    const double middle = bar + kBarHeight / 2;
    out += Line(x(row.low), middle, x(row.high), middle, "whisker");
    out += Line(x(row.low), middle - 3, x(row.low), middle + 3, "whisker");
    out += Line(x(row.high), middle - 3, x(row.high), middle + 3, "whisker");
  }
  return out;
}

}  // namespace

std::string ToSvg(const LinePlot& plot) {
  Range x, y;
  for (const PlotSeries& series : plot.series) {
    for (const PlotPoint& p : series.points) {
      x.Add(p.x);
      y.Add(p.y);
      if (p.low < p.high) y.Add(p.low), y.Add(p.high);
    }
  }
  // A bound just beyond the data is worth the room.
  for (const PlotMark& mark : plot.at_x) {
    if (mark.bound && mark.at > x.high && mark.at < x.high * 1.6) x.Add(mark.at);
  }
  for (const PlotMark& mark : plot.at_y) y.Add(mark.at);
  const Frame frame(plot, AxisOf(plot.x, x), AxisOf(plot.y, y));
  std::string out = Open(plot.name, kHeight) + frame.Grid();
  for (const PlotSeries& series : plot.series) out += Band(frame, series);
  out += frame.MarkLines();
  for (const PlotSeries& series : plot.series) out += Curve(frame, plot, series);
  return out + frame.MarkWords() + "</svg>\n";
}

std::string ToSvg(const BarPlot& plot) {
  double high = plot.high;
  for (const BarRow& row : plot.rows) high = std::max({high, SumOf(row), row.high});
  for (const PlotMark& mark : plot.marks) high = std::max(high, mark.at);
  const PlotAxis axis(PlotScale::kLinear, plot.unit, 0, high);
  const double marks = plot.marks.empty() ? 0 : 16 * static_cast<double>(plot.marks.size());
  const double height = marks + kRowHeight * static_cast<double>(plot.rows.size()) + 4;
  std::string out = Open(plot.name, height);
  double top = marks;
  for (const BarRow& row : plot.rows) {
    out += RowOf(plot, row, axis, top);
    top += kRowHeight;
  }
  double word = 12;
  for (const PlotMark& mark : plot.marks) {
    const double x = 2 + axis.Place(mark.at) * (kWidth - 2 - kRight);
    out += Line(x, word + 3, x, height, mark.bound ? "bound" : "mark");
    out += Text(x, word, x > kWidth / 2 ? "me" : "ms",
                fmt::format("{}: {}", mark.label, FormatPlotValue(mark.at, plot.unit)));
    word += 16;
  }
  return out + "</svg>\n";
}

std::string LegendMark(uint32_t color) {
  return fmt::format(
      "<svg viewBox=\"0 0 22 12\" aria-hidden=\"true\" class=\"c{}\"><line x1=\"0\" y1=\"6\" "
      "x2=\"22\" y2=\"6\" class=\"line\"/>{} class=\"dot\"/></svg>",
      color % kPlotColors, Marker(11, 6, color));
}

}  // namespace cairn
