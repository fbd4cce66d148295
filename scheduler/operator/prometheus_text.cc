#include "scheduler/operator/prometheus_text.h"

#include <fmt/format.h>

#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

void AppendLabel(const PrometheusText::Label& label, std::string& out) {
  if (!out.empty()) out += ',';
  TextAppend(&out, label.first, "=\"");
  for (const char c : label.second) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '"')
      out += "\\\"";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  out += '"';
}

}  // namespace

PrometheusText::PrometheusText(Labels common) {
  for (const Label& label : common) AppendLabel(label, common_);
}

void PrometheusText::Family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  TextAppend(&text_, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

void PrometheusText::Line(std::string_view suffix, Labels labels, Label extra,
                          std::string_view value) {
  std::string all = common_;
  for (const Label& label : labels) AppendLabel(label, all);
  if (!extra.first.empty()) AppendLabel(extra, all);
  TextAppend(&text_, name_, suffix);
  if (!all.empty()) TextAppend(&text_, "{", all, "}");
  TextAppend(&text_, " ", value, "\n");
}

void PrometheusText::Sample(uint64_t value, Labels labels) { Line("", labels, {}, TextCat(value)); }

void PrometheusText::Sample(double value, Labels labels) {
  Line("", labels, {}, fmt::format("{}", value));
}

void PrometheusText::Sample(const LatencyHistogram& histogram, Labels labels) {
  const LatencyHistogram::Reading reading = histogram.Read();
  uint64_t up_to = 0;
  for (size_t i = 0; i < LatencyHistogram::kBoundsMs.size(); ++i) {
    up_to += reading.counts[i];
    const std::string bound =
        fmt::format("{}", static_cast<double>(LatencyHistogram::kBoundsMs[i]) / 1000.0);
    Line("_bucket", labels, {"le", bound}, TextCat(up_to));
  }
  up_to += reading.counts.back();
  Line("_bucket", labels, {"le", "+Inf"}, TextCat(up_to));
  Line("_sum", labels, {}, fmt::format("{}", reading.sum.seconds()));
  Line("_count", labels, {}, TextCat(up_to));
}

void PrometheusText::Counter(std::string_view name, std::string_view help, uint64_t value) {
  Family(name, "counter", help);
  Sample(value);
}

void PrometheusText::Gauge(std::string_view name, std::string_view help, double value) {
  Family(name, "gauge", help);
  Sample(value);
}

}  // namespace cairn
