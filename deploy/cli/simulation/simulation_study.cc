#include "deploy/cli/simulation/simulation_study.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "deploy/cli/simulation/cell_queue.h"
#include "deploy/cli/simulation/simulated_cluster.h"
#include "kvstore/shell/system_clock.h"
#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/goodput.h"
#include "scheduler/simulator/plan_cost.h"
#include "scheduler/simulator/step_profile.h"
#include "scheduler/simulator/virtual_cluster.h"

namespace cairn {
namespace {

struct Run {
  Trace trace;
  ClusterSummary summary;
};

// `shape` says which seed and rate.
absl::StatusOr<Run> RunOnce(const SimulateFlags& flags, const StepCost& cost, Trace trace,
                            const TraceFlags& shape) {
  if (absl::Status shaped = ShapeTrace(trace, shape); !shaped.ok()) return shaped;
  if (flags.kv_tokens < trace.block_tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("--kv-tokens is less than one block of ", trace.block_tokens, " tokens"));
  }
  const ClusterOptions cluster = ClusterOf(flags, cost, trace.block_tokens, shape.seed);
  const ClusterResult result = VirtualCluster(cluster, trace, [&cost](const StepPlan& plan) {
                                 return CostOf(plan, cost);
                               }).Run();
  ClusterSummary summary = Summarize(result, flags.target, trace.measured_from);
  return Run{std::move(trace), summary};
}

double RateOf(const Trace& trace) {
  const Duration span = SpanOf(trace);
  return span == Duration() ? 0 : static_cast<double>(trace.requests.size()) / span.seconds();
}

TraceFlags ShapeOfSeed(const SimulateFlags& flags, uint32_t seed) {
  TraceFlags shape = flags.trace;
  shape.seed += seed;
  return shape;
}

absl::Status RunSeeds(const SimulateFlags& flags, const StepCost& cost, SimulationReport& report) {
  report.seeds.resize(flags.seeds);
  return ForEachCell(flags.seeds, [&](uint32_t i) -> absl::Status {
    const TraceFlags shape = ShapeOfSeed(flags, i);
    absl::StatusOr<Trace> trace = ReadTraces(shape);
    if (!trace.ok()) return trace.status();
    const absl::StatusOr<Run> run = RunOnce(flags, cost, *std::move(trace), shape);
    if (!run.ok()) return run.status();
    report.seeds[i] = {shape.seed, RateOf(run->trace), run->summary};
    if (i > 0) return absl::OkStatus();
    report.trace = run->trace.name;
    report.history = run->trace.history;
    return absl::OkStatus();
  });
}

absl::StatusOr<Goodput> SearchSeed(const SimulateFlags& flags, const StepCost& cost,
                                   const Trace& trace, TraceFlags shape) {
  const double first = shape.rate_rps > 0 ? shape.rate_rps : RateOf(trace);
  if (first <= 0) return absl::InvalidArgumentError("the trace has no rate to begin with: --rate");
  absl::Status status;
  Goodput found = SearchGoodput({.first_rate = first}, [&](double rate) {
    shape.rate_rps = rate;
    const absl::StatusOr<Run> run = RunOnce(flags, cost, trace, shape);
    status.Update(run.status());
    return run.ok() ? run->summary.attainment : 0.0;
  });
  if (!status.ok()) return status;
  return found;
}

absl::Status SearchSeeds(const SimulateFlags& flags, const StepCost& cost,
                         SimulationReport& report) {
  report.searched.resize(flags.seeds);
  return ForEachCell(flags.seeds, [&](uint32_t i) -> absl::Status {
    const TraceFlags shape = ShapeOfSeed(flags, i);
    const absl::StatusOr<Trace> trace = ReadTraces(shape);
    if (!trace.ok()) return trace.status();
    absl::StatusOr<Goodput> found = SearchSeed(flags, cost, *trace, shape);
    if (!found.ok()) return found.status();
    report.searched[i] = {shape.seed, *std::move(found)};
    if (i > 0) return absl::OkStatus();
    report.trace = trace->name;
    report.history = trace->history;
    return absl::OkStatus();
  });
}

}  // namespace

absl::StatusOr<SimulationReport> RunStudy(SimulateFlags flags) {
  const absl::StatusOr<StepProfile> profile = FindStepProfile(flags.profile);
  if (!profile.ok()) return profile.status();
  const StepCost cost(*profile);
  if (flags.kv_tokens == 0) flags.kv_tokens = profile->kv_tokens;
  SimulationReport report;
  report.cluster = ClusterText(flags);
  report.profile = profile->name;
  report.target = flags.target;
  const SystemClock clock;
  const Instant start = clock.Now();
  const absl::Status status =
      flags.goodput ? SearchSeeds(flags, cost, report) : RunSeeds(flags, cost, report);
  if (!status.ok()) return status;
  report.wall_seconds = (clock.Now() - start).seconds();
  return report;
}

}  // namespace cairn
