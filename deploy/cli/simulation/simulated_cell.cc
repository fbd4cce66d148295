#include "deploy/cli/simulation/simulated_cell.h"

#include <algorithm>

#include "deploy/cli/simulation/simulated_cluster.h"
#include "scheduler/simulator/plan_cost.h"
#include "scheduler/simulator/run_timeline.h"

namespace cairn {
namespace {

constexpr int64_t kSlices = 90;  // of the time in which requests arrive

StepCost CostIn(const Scenario& scenario, const StudyCell& cell) {
  StepProfile profile = scenario.profile;
  if (cell.host_overhead) profile.host_overhead_ms = cell.host_overhead->seconds() * 1e3;
  if (cell.network_gigabytes_per_s) {
    profile.links[static_cast<size_t>(KvLink::kNetwork)].gigabytes_per_s =
        *cell.network_gigabytes_per_s;
  }
  return StepCost(profile);
}

// How much of the run each worker was busy.
std::vector<double> BusyShares(const ClusterResult& result, Duration span) {
  std::vector<double> shares;
  for (const WorkerRecord& worker : result.workers) {
    shares.push_back(span == Duration() ? 0 : worker.busy.seconds() / span.seconds());
  }
  return shares;
}

}  // namespace

absl::StatusOr<SeedRun> RunCell(const Scenario& scenario, const StudyCell& cell,
                                const RunWatch& watch) {
  const absl::StatusOr<Trace> trace = ShapedTrace(scenario, cell.seed, cell.rate);
  if (!trace.ok()) return trace.status();
  const StepCost cost = CostIn(scenario, cell);
  ClusterOptions options = ClusterOf(scenario, cell, cost, trace->block_tokens);
  const double rate = RateOf(*trace);
  if (rate > 0) {
    const double span_ns = static_cast<double>(trace->requests.size()) / rate * 1e9;
    options.slice = std::max(Milliseconds(1), Nanoseconds(static_cast<int64_t>(span_ns) / kSlices));
  }
  const ClusterResult result =
      VirtualCluster(options, *trace, [&cost](const StepPlan& plan, Duration idle) {
        return CostOf(plan, cost, idle);
      }).Run(watch);
  const LatencyClasses& classes = *options.schedulers[0].limits.classes;
  const RunTargets targets = TargetsOf(*trace, classes);
  SeedRun run;
  run.seed = options.seed;
  run.rate = rate;
  run.summary = Summarize(result, targets, trace->measured_from);
  run.ttft_curve = CurveOf(TtftsOf(result.requests, trace->measured_from));
  run.tpot_curve = CurveOf(TpotsOf(result.requests, trace->measured_from));
  run.timeline = TimelineOf(options, result, targets);
  run.busy_by_worker = BusyShares(result, run.summary.span);
  run.requests_by_worker = RequestsByWorker(result);
  run.classes = SummarizeClasses(*trace, result, classes);
  run.tenants = SummarizeTenants(*trace, result, classes);
  run.roles = SummarizeRoles(result, run.summary.span);
  // One alone says nothing that the run's summary does not.
  if (run.classes.size() < 2) run.classes.clear();
  if (run.tenants.size() < 2) run.tenants.clear();
  if (run.roles.size() < 2) run.roles.clear();
  return run;
}

}  // namespace cairn
