#include "deploy/cli/bench_kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "deploy/cli/options.h"
#include "deploy/cli/progress.h"
#include "deploy/cli/standalone_engine.h"
#include "kvstore/shell/system_clock.h"
#include "scheduler/simulator/step_cost.h"
#include "scheduler/simulator/step_cost_fit.h"
#include "scheduler/simulator/step_profile.h"
#include "worker/engine/step_meter.h"

namespace cairn {
namespace {

using nlohmann::ordered_json;

// Below so many new tokens a chunk's attention is not taken to cost less: processors have no such
// floor, unlike GPUs.
constexpr uint32_t kAttentionTokensMin = 1;

struct BenchKernelsOptions {
  StandaloneEngineFlags engine;
  uint32_t repeats = 5;
  uint32_t tokens_max = 32768;  // of KV, over all sequences of a step
  bool fit = false;
  std::string profile_out;
  std::string name = "this-machine";
  OutputFormat format = OutputFormat::kText;
};

struct MeasuredStep {
  StepShape shape;
  Duration took;
  Duration fitted;  // with --fit

  double residual() const { return fitted.seconds() / took.seconds() - 1; }
};

Duration CostOf(const StepShape& shape, const StepCost& cost) {
  std::vector<PrefillChunk> chunks;
  if (shape.new_tokens > 0) chunks.push_back({shape.new_tokens, shape.cached_tokens});
  return cost.Step(chunks, shape.sequences, uint64_t{shape.sequences} * shape.context);
}

bool IsMixed(const StepShape& shape) { return shape.new_tokens > 0 && shape.sequences > 0; }

absl::StatusOr<std::vector<MeasuredStep>> Measure(CpuEngine& engine,
                                                  const BenchKernelsOptions& options) {
  const std::vector<StepShape> shapes =
      ShapesToMeasure(options.engine.step_tokens, engine.context_length(), options.tokens_max);
  const SystemClock clock;
  std::vector<MeasuredStep> steps;
  ProgressBar progress("measuring", shapes.size(), "steps");
  for (const StepShape& shape : shapes) {
    const absl::StatusOr<Duration> took = MeasureStep(engine, clock, shape, options.repeats);
    if (!took.ok()) return took.status();
    steps.push_back({.shape = shape, .took = *took, .fitted = {}});
    progress.Update(steps.size());
  }
  return steps;
}

// Root of the mean square of relative errors over mixed steps, which are not fitted but predicted.
double MixedError(std::span<const MeasuredStep> steps, const StepProfile& profile) {
  const StepCost cost(profile);
  double sum = 0;
  size_t count = 0;
  for (const MeasuredStep& step : steps) {
    if (!IsMixed(step.shape)) continue;
    const double off = CostOf(step.shape, cost).seconds() / step.took.seconds() - 1;
    sum += off * off;
    ++count;
  }
  return count == 0 ? 0 : std::sqrt(sum / static_cast<double>(count));
}

// Both ways of putting the halves together are tried on the mixed steps; the better one is kept.
void ChooseMix(std::span<const MeasuredStep> steps, StepProfile& profile) {
  profile.mix = StepMix::kSum;
  const double sum = MixedError(steps, profile);
  profile.mix = StepMix::kRoofline;
  if (sum < MixedError(steps, profile)) profile.mix = StepMix::kSum;
}

struct Fitted {
  StepProfile profile;
  StepFit fit;
  double mixed_error = 0;
};

absl::StatusOr<Fitted> Fit(std::vector<MeasuredStep>& steps, CpuEngine& engine,
                           const BenchKernelsOptions& options) {
  std::vector<StepMeasurement> measurements;
  for (const MeasuredStep& step : steps) {
    if (IsMixed(step.shape)) continue;
    const uint64_t context = uint64_t{step.shape.sequences} * step.shape.context;
    measurements.push_back({.new_tokens = step.shape.new_tokens,
                            .cached_tokens = step.shape.cached_tokens,
                            .sequences = step.shape.sequences,
                            .context_tokens = context,
                            .took = step.took});
  }
  absl::StatusOr<StepFit> fit = FitStepCost(measurements, kAttentionTokensMin);
  if (!fit.ok()) return fit.status();
  const absl::StatusOr<Duration> wake =
      MeasureWake(engine, SystemClock(), options.engine.step_tokens, options.repeats);
  if (!wake.ok()) return wake.status();
  const BlockGeometry& geometry = engine.geometry();
  Fitted out{.profile = {}, .fit = *std::move(fit)};
  out.profile.name = options.name;
  out.profile.source = absl::StrCat("measured by `cairn bench kernels --fit`, ", steps.size(),
                                    " shapes, median of ", options.repeats);
  out.profile.hardware =
      absl::StrCat(options.engine.threads > 0 ? absl::StrCat(options.engine.threads) : "all",
                   " cores of this machine");
  out.profile.model = absl::StrCat(options.engine.model, " as ", NameOf(engine.format()));
  out.profile.attention_tokens_min = kAttentionTokensMin;
  out.profile.kv_bytes_per_token = geometry.BlockBytes() / geometry.block_tokens;
  out.profile.kv_tokens = (uint64_t{1} << 30) / out.profile.kv_bytes_per_token;
  out.profile.wake_ms = wake->seconds() * 1e3;
  out.fit.ApplyTo(out.profile);
  ChooseMix(steps, out.profile);
  out.mixed_error = MixedError(steps, out.profile);
  const StepCost cost(out.profile);
  for (MeasuredStep& step : steps) step.fitted = CostOf(step.shape, cost);
  return out;
}

std::string ShapeText(const StepShape& shape) {
  std::string text;
  if (shape.new_tokens > 0) {
    text = absl::StrCat(shape.new_tokens, " new on ", shape.cached_tokens);
  }
  if (shape.sequences == 0) return text;
  return absl::StrCat(text, text.empty() ? "" : " + ", shape.sequences, " x ", shape.context);
}

// A point between -50 % and +50 %, zero in the middle.
std::string ResidualBar(double residual) {
  constexpr int kHalf = 12;
  std::string bar(2 * kHalf + 1, ' ');
  bar[kHalf] = '|';
  const int at = std::clamp(static_cast<int>(std::lround(residual * 2 * kHalf)), -kHalf, kHalf);
  bar[static_cast<size_t>(kHalf + at)] = std::abs(residual) > 0.5 ? '!' : 'o';
  return bar;
}

std::string LineText(const char* name, const StepLineFit& line, const char* formula) {
  return fmt::format("{:<8} {}   R2 {:.4f}, error {:.1f} % mean, {:.1f} % at most\n", name,
                     fmt::format(fmt::runtime(formula), line.ms[0], line.ms[1], line.ms[2]),
                     line.r2, 100 * line.error_mean, 100 * line.error_max);
}

void Print(std::span<const MeasuredStep> steps, const Fitted* fitted) {
  fmt::print("{:<26} {:>10}", "tokens", "measured");
  if (fitted != nullptr) fmt::print(" {:>10}  -50 %  fitted - measured  +50 %", "fitted");
  fmt::print("\n");
  for (const MeasuredStep& step : steps) {
    fmt::print("{:<26} {:>7.2f} ms", ShapeText(step.shape), step.took.seconds() * 1e3);
    if (fitted != nullptr) {
      fmt::print(" {:>7.2f} ms  [{}] {:+.0f} %", step.fitted.seconds() * 1e3,
                 ResidualBar(step.residual()), 100 * step.residual());
    }
    fmt::print("\n");
  }
  if (fitted == nullptr) return;
  fmt::print("\n{}{}",
             LineText("prefill", fitted->fit.prefill, "{:.3f} ms + {:.5f} a token + {:.3e} a pair"),
             LineText("decode", fitted->fit.decode,
                      "{:.3f} ms + {:.5f} a sequence + {:.3e} a token of context"));
  fmt::print("mixed    {}, {:.1f} % off (root mean square; predicted, not fitted)\n",
             fitted->profile.mix == StepMix::kSum ? "sum" : "roofline", 100 * fitted->mixed_error);
  fmt::print("pause    a step after one takes {:.2f} ms more\n", fitted->profile.wake_ms);
}

ordered_json ToJson(const StepLineFit& line) {
  return {{"ms", line.ms},
          {"r2", line.r2},
          {"error_mean", line.error_mean},
          {"error_max", line.error_max}};
}

ordered_json ToJson(std::span<const MeasuredStep> steps, const Fitted* fitted) {
  ordered_json rows = ordered_json::array();
  for (const MeasuredStep& step : steps) {
    ordered_json row = {{"new_tokens", step.shape.new_tokens},
                        {"cached_tokens", step.shape.cached_tokens},
                        {"sequences", step.shape.sequences},
                        {"context", step.shape.context},
                        {"ms", step.took.seconds() * 1e3}};
    if (fitted != nullptr) row["fitted_ms"] = step.fitted.seconds() * 1e3;
    rows.push_back(std::move(row));
  }
  ordered_json out = {{"steps", std::move(rows)}};
  if (fitted == nullptr) return out;
  out["prefill"] = ToJson(fitted->fit.prefill);
  out["decode"] = ToJson(fitted->fit.decode);
  out["mixed_steps"] = fitted->profile.mix == StepMix::kSum ? "sum" : "roofline";
  out["mixed_error"] = fitted->mixed_error;
  out["wake_ms"] = fitted->profile.wake_ms;
  out["profile"] = FormatStepProfile(fitted->profile);
  return out;
}

absl::Status WriteProfile(const StepProfile& profile, const std::string& path) {
  std::ofstream file(path);
  file << FormatStepProfile(profile);
  file.close();
  if (file.fail()) return absl::InvalidArgumentError("cannot write --profile-out " + path);
  return absl::OkStatus();
}

absl::Status RunBenchKernels(const BenchKernelsOptions& options) {
  if (!options.profile_out.empty() && !options.fit) {
    return absl::InvalidArgumentError("--profile-out needs --fit");
  }
  const absl::StatusOr<std::unique_ptr<StandaloneEngine>> alone =
      StandaloneEngine::Make(options.engine, [&](const LoadedModel& model) {
        return SlotsFor(ShapesToMeasure(options.engine.step_tokens, model.config.context_length,
                                        options.tokens_max),
                        model.geometry.block_tokens);
      });
  if (!alone.ok()) return alone.status();
  absl::StatusOr<std::vector<MeasuredStep>> steps = Measure((*alone)->engine(), options);
  if (!steps.ok()) return steps.status();
  std::optional<Fitted> fitted;
  if (options.fit) {
    absl::StatusOr<Fitted> found = Fit(*steps, (*alone)->engine(), options);
    if (!found.ok()) return found.status();
    fitted = *std::move(found);
  }
  const Fitted* const shown = fitted ? &*fitted : nullptr;
  if (options.format == OutputFormat::kJson) {
    std::cout << ToJson(*steps, shown).dump(2) << "\n";
  } else {
    Print(*steps, shown);
  }
  if (options.profile_out.empty()) return absl::OkStatus();
  if (absl::Status status = WriteProfile(fitted->profile, options.profile_out); !status.ok()) {
    return status;
  }
  if (options.format == OutputFormat::kText) {
    fmt::print("written: {0}; use it with cairn simulate --profile {0}\n", options.profile_out);
  }
  return absl::OkStatus();
}

}  // namespace

void AddBenchKernels(CLI::App& bench) {
  auto options = std::make_shared<BenchKernelsOptions>();
  CLI::App* kernels = bench.add_subcommand(
      "kernels", "what single steps cost on this machine; --fit makes a profile of them");
  AddStandaloneEngineFlags(*kernels, options->engine);
  kernels->add_option("--repeats", options->repeats, "runs of each shape; their median counts")
      ->check(CLI::Range(1u, 1000u))
      ->capture_default_str();
  kernels->add_option("--tokens-max", options->tokens_max, "of KV in one step, over all sequences")
      ->check(CLI::Range(512u, 1u << 20))
      ->capture_default_str();
  kernels->add_flag("--fit", options->fit,
                    "fit the costs of a profile, with R2 and residuals (docs/SIMULATOR.md)");
  kernels->add_option("--profile-out", options->profile_out, "write the fitted profile here");
  kernels->add_option("--name", options->name, "of the profile")->capture_default_str();
  AddOutputFormat(*kernels, options->format);
  kernels->footer(
      "Run it on an otherwise idle machine.\n\nExample:\n"
      "  cairn bench kernels --fit --profile-out this-machine.yaml");
  OnRun(*kernels, [options] { return RunBenchKernels(*options); });
}

}  // namespace cairn
