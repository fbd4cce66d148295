#include "scheduler/simulator/step_cost_fit.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

constexpr size_t kFeatures = 3;
using Features = std::array<double, kFeatures>;

struct Row {
  Features features{};
  double ms = 0;
};

Row RowOf(const StepMeasurement& m, uint32_t attention_tokens_min) {
  Row row;
  row.ms = m.took.seconds() * 1e3;
  if (m.sequences > 0) {
    row.features = {1, static_cast<double>(m.sequences), static_cast<double>(m.context_tokens)};
  } else {
    const double rows = std::max(m.new_tokens, attention_tokens_min);
    row.features = {1, static_cast<double>(m.new_tokens),
                    rows * (static_cast<double>(m.cached_tokens) + m.new_tokens / 2.0)};
  }
  return row;
}

// Solves for the features in `use` by weighted normal equations with scaled columns: three
// unknowns, so the squared condition does not hurt. Nothing: the rows cannot tell the features
// apart.
std::optional<Features> Solve(const std::vector<Row>& rows,
                              const std::array<bool, kFeatures>& use) {
  Features scale{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kFeatures; ++i) {
      scale[i] = std::max(scale[i], row.features[i] / row.ms);
    }
  }
  double matrix[kFeatures][kFeatures + 1] = {};
  for (const Row& row : rows) {
    Features x{};
    for (size_t i = 0; i < kFeatures; ++i) {
      if (use[i] && scale[i] > 0) x[i] = row.features[i] / row.ms / scale[i];
    }
    for (size_t i = 0; i < kFeatures; ++i) {
      for (size_t j = 0; j < kFeatures; ++j) matrix[i][j] += x[i] * x[j];
      matrix[i][kFeatures] += x[i];
    }
  }
  for (size_t i = 0; i < kFeatures; ++i) {
    if (!use[i]) matrix[i][i] = 1;
  }
  // Gauss and Jordan; the matrix is symmetric and, where solvable, positive definite.
  for (size_t i = 0; i < kFeatures; ++i) {
    if (!(matrix[i][i] > 1e-12 * static_cast<double>(rows.size()))) return std::nullopt;
    for (size_t j = 0; j < kFeatures; ++j) {
      if (j == i) continue;
      const double factor = matrix[j][i] / matrix[i][i];
      for (size_t k = i; k <= kFeatures; ++k) matrix[j][k] -= factor * matrix[i][k];
    }
  }
  Features solution{};
  for (size_t i = 0; i < kFeatures; ++i) {
    if (use[i]) solution[i] = matrix[i][kFeatures] / matrix[i][i] / scale[i];
  }
  return solution;
}

double Fitted(const Features& ms, const Row& row) {
  double sum = 0;
  for (size_t i = 0; i < kFeatures; ++i) sum += ms[i] * row.features[i];
  return sum;
}

void Judge(const std::vector<Row>& rows, StepLineFit& fit) {
  double mean = 0;
  for (const Row& row : rows) mean += row.ms / static_cast<double>(rows.size());
  double left = 0, total = 0;
  for (const Row& row : rows) {
    const double error = Fitted(fit.ms, row) - row.ms;
    left += error * error;
    total += (row.ms - mean) * (row.ms - mean);
    const double relative = std::abs(error) / row.ms;
    fit.residuals.push_back(error / row.ms);
    fit.error_mean += relative / static_cast<double>(rows.size());
    fit.error_max = std::max(fit.error_max, relative);
  }
  fit.r2 = total > 0 ? 1 - left / total : left == 0 ? 1 : 0;
}

absl::StatusOr<StepLineFit> FitLine(const std::vector<Row>& rows, const char* kind) {
  const auto too_few = [kind] {
    return absl::InvalidArgumentError(
        absl::StrCat(kind, ": too few different measurements to tell three costs apart"));
  };
  if (rows.size() < kFeatures) return too_few();
  StepLineFit fit;
  std::array<bool, kFeatures> use = {true, true, true};
  while (true) {
    const std::optional<Features> solution = Solve(rows, use);
    if (!solution.has_value()) return too_few();
    const auto least = std::min_element(solution->begin(), solution->end());
    if (*least >= 0) {
      fit.ms = *solution;
      break;
    }
    use[static_cast<size_t>(least - solution->begin())] = false;
  }
  Judge(rows, fit);
  return fit;
}

}  // namespace

void StepFit::ApplyTo(StepProfile& profile) const {
  profile.prefill_fixed_ms = prefill.ms[0];
  profile.prefill_token_ms = prefill.ms[1];
  profile.prefill_pair_ms = prefill.ms[2];
  profile.prefill_error_mean = prefill.error_mean;
  profile.prefill_error_max = prefill.error_max;
  profile.decode_fixed_ms = decode.ms[0];
  profile.decode_sequence_ms = decode.ms[1];
  profile.decode_context_token_ms = decode.ms[2];
  profile.decode_error_mean = decode.error_mean;
  profile.decode_error_max = decode.error_max;
}

absl::StatusOr<StepFit> FitStepCost(std::span<const StepMeasurement> measurements,
                                    uint32_t attention_tokens_min) {
  std::vector<Row> prefill, decode;
  for (size_t i = 0; i < measurements.size(); ++i) {
    const StepMeasurement& m = measurements[i];
    if (m.took <= Duration() || (m.new_tokens > 0) == (m.sequences > 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat("measurement ", i, " is neither a prefill nor a decode that took time"));
    }
    (m.sequences > 0 ? decode : prefill).push_back(RowOf(m, attention_tokens_min));
  }
  absl::StatusOr<StepLineFit> prefill_fit = FitLine(prefill, "prefill");
  if (!prefill_fit.ok()) return prefill_fit.status();
  absl::StatusOr<StepLineFit> decode_fit = FitLine(decode, "decode");
  if (!decode_fit.ok()) return decode_fit.status();
  return StepFit{*std::move(prefill_fit), *std::move(decode_fit)};
}

}  // namespace cairn
