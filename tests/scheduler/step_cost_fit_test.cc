// Costs of steps from measurements.
#include "scheduler/simulator/step_cost_fit.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

// 3 + 0.02 n + 1e-6 n (c + n/2), and 5 + 0.1 b + 1e-4 ctx, each off by up to `noise` of itself.
std::vector<StepMeasurement> Measurements(double noise, uint64_t seed) {
  Prng prng(seed);
  std::vector<StepMeasurement> rows;
  const auto add = [&](StepMeasurement row, double ms) {
    row.took = Nanoseconds(std::llround(ms * (1 + noise * (2 * prng.Uniform() - 1)) * 1e6));
    rows.push_back(row);
  };
  for (const uint32_t n : {128u, 512u, 2048u, 8192u}) {
    for (const uint64_t c : {0u, 4096u, 65536u}) {
      add({.new_tokens = n, .cached_tokens = c},
          3 + 0.02 * n + 1e-6 * n * (static_cast<double>(c) + n / 2.0));
    }
  }
  for (const uint32_t b : {1u, 8u, 64u}) {
    for (const uint64_t each : {256u, 4096u, 32768u}) {
      add({.sequences = b, .context_tokens = b * each},
          5 + 0.1 * b + 1e-4 * static_cast<double>(b * each));
    }
  }
  return rows;
}

TEST_CASE("exact measurements give their costs back") {
  const StepFit fit = FitStepCost(Measurements(0, 1), 0).value();
  CHECK(fit.prefill.ms[0] == Approx(3).epsilon(1e-4));
  CHECK(fit.prefill.ms[1] == Approx(0.02).epsilon(1e-4));
  CHECK(fit.prefill.ms[2] == Approx(1e-6).epsilon(1e-4));
  CHECK(fit.decode.ms[0] == Approx(5).epsilon(1e-4));
  CHECK(fit.decode.ms[1] == Approx(0.1).epsilon(1e-4));
  CHECK(fit.decode.ms[2] == Approx(1e-4).epsilon(1e-4));
  CHECK(fit.prefill.r2 == Approx(1));
  CHECK(fit.prefill.error_max < 1e-5);
  CHECK(fit.prefill.residuals.size() == 12);
  StepProfile profile;
  fit.ApplyTo(profile);
  CHECK(profile.decode_sequence_ms == fit.decode.ms[1]);
}

TEST_CASE("noise shows in the errors and hardly in the costs") {
  const StepFit fit = FitStepCost(Measurements(0.05, 7), 0).value();
  CHECK(fit.prefill.ms[1] == Approx(0.02).epsilon(0.1));
  CHECK(fit.prefill.error_mean > 0.005);
  CHECK(fit.prefill.error_max < 0.1);
  CHECK(fit.prefill.r2 > 0.98);
}

TEST_CASE("no cost is negative: more work does not take less time") {
  std::vector<StepMeasurement> rows = Measurements(0, 1);
  // Context seems to make decode faster.
  for (StepMeasurement& row : rows) {
    if (row.sequences > 0)
      row.took = Seconds(1) - Nanoseconds(static_cast<int64_t>(row.context_tokens));
  }
  const StepFit fit = FitStepCost(rows, 0).value();
  for (const double ms : fit.decode.ms) CHECK(ms >= 0);
  CHECK(fit.decode.error_max < 0.01);
}

TEST_CASE("too few or too equal measurements are refused") {
  std::vector<StepMeasurement> rows = Measurements(0, 1);
  rows.resize(14);  // two of decode
  CHECK(std::string(FitStepCost(rows, 0).status().message()) ==
        "decode: too few different measurements to tell three costs apart");
  rows = Measurements(0, 1);
  for (StepMeasurement& row : rows) {
    if (row.sequences == 0) row.new_tokens = 100, row.cached_tokens = 0;
  }
  CHECK(std::string(FitStepCost(rows, 0).status().message()).find("prefill: too few") == 0);
  rows = Measurements(0, 1);
  rows[3].took = Duration();
  CHECK_FALSE(FitStepCost(rows, 0).ok());
  rows[3] = {.new_tokens = 1, .sequences = 1, .took = Seconds(1)};
  CHECK_FALSE(FitStepCost(rows, 0).ok());
}

}  // namespace
}  // namespace cairn
