// Writes Prometheus' text format 0.0.4.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "scheduler/operator/latency_histogram.h"

namespace cairn {

class PrometheusText {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;

  // Labels that every sample of the page has.
  explicit PrometheusText(Labels common);

  // Starts a family; `type` is counter, gauge or histogram. Its samples follow.
  void Family(std::string_view name, std::string_view type, std::string_view help);
  void Sample(uint64_t value, Labels labels = {});
  void Sample(double value, Labels labels = {});
  void Sample(const LatencyHistogram& histogram, Labels labels = {});
  // A family of one sample.
  void Counter(std::string_view name, std::string_view help, uint64_t value);
  void Gauge(std::string_view name, std::string_view help, double value);

  std::string Take() { return std::move(text_); }

 private:
  void Line(std::string_view suffix, Labels labels, Label extra, std::string_view value);

  std::string common_;
  std::string name_;
  std::string text_;
};

}  // namespace cairn
