#include "deploy/cli/simulate.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "deploy/cli/options.h"
#include "deploy/cli/progress.h"
#include "deploy/cli/simulation_report.h"
#include "deploy/cli/trace_flags.h"
#include "deploy/cli/units.h"
#include "kvstore/shell/system_clock.h"
#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/goodput.h"
#include "scheduler/simulator/plan_cost.h"
#include "scheduler/simulator/step_cost.h"
#include "scheduler/simulator/step_profile.h"
#include "scheduler/simulator/virtual_cluster.h"

namespace cairn {
namespace {

struct SimulateOptions {
  TraceFlags trace;
  uint32_t workers = 4;
  std::string policy = "dual-hash";
  uint32_t schedulers = 1;
  Duration staleness;
  Duration link_delay = Microseconds(200);
  uint64_t kv_tokens = 0;  // 0: what the profile says
  uint64_t dram_tokens = 0;
  uint32_t step_tokens = 2048;
  uint32_t sequences_max = 256;
  std::string profile = "h100-llama-3.1-8b";
  uint32_t seeds = 1;
  SloTarget target = {.ttft = Seconds(5), .tpot = Milliseconds(100)};
  bool goodput = false;
  OutputFormat format = OutputFormat::kText;
};

uint32_t SlotsFor(uint64_t tokens, uint32_t block_tokens) {
  return static_cast<uint32_t>(std::min<uint64_t>(tokens / block_tokens, 1u << 30));
}

ClusterOptions ClusterOf(const SimulateOptions& options, const StepCost& cost,
                         uint32_t block_tokens, uint64_t seed) {
  WorkerOptions worker;
  worker.limits.step_tokens = options.step_tokens;
  worker.limits.sequences_max = options.sequences_max;
  worker.store.block_tokens = block_tokens;
  worker.store.device = {.slots = SlotsFor(options.kv_tokens, block_tokens)};
  worker.store.dram = {.slots = SlotsFor(options.dram_tokens, block_tokens)};
  if (options.dram_tokens > 0) {
    worker.move_time = cost.TransferTokens(KvLink::kDram, block_tokens, block_tokens);
    worker.store.device_headroom_slots = worker.store.device.slots / 32;
  }
  SchedulerOptions scheduler;
  scheduler.link_delay = options.link_delay;
  scheduler.staleness = options.staleness;
  scheduler.limits.routing.policy = *PolicyNamed(options.policy);
  scheduler.limits.routing.seed = seed;
  if (options.target.ttft > Duration()) scheduler.limits.routing.ttft_slo = options.target.ttft;
  ClusterOptions cluster;
  cluster.seed = seed;
  cluster.workers.assign(options.workers, worker);
  cluster.schedulers.assign(options.schedulers, scheduler);
  return cluster;
}

struct Run {
  Trace trace;
  ClusterSummary summary;
};

// `flags` say which seed and rate.
absl::StatusOr<Run> RunOnce(const SimulateOptions& options, const StepCost& cost, Trace trace,
                            const TraceFlags& flags) {
  if (absl::Status shaped = ShapeTrace(trace, flags); !shaped.ok()) return shaped;
  if (options.kv_tokens < trace.block_tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("--kv-tokens is less than one block of ", trace.block_tokens, " tokens"));
  }
  const ClusterOptions cluster = ClusterOf(options, cost, trace.block_tokens, flags.seed);
  const ClusterResult result = VirtualCluster(cluster, trace, [&cost](const StepPlan& plan) {
                                 return CostOf(plan, cost);
                               }).Run();
  ClusterSummary summary = Summarize(result, options.target, trace.measured_from);
  return Run{std::move(trace), summary};
}

double RateOf(const Trace& trace) {
  const Duration span = SpanOf(trace);
  return span == Duration() ? 0 : static_cast<double>(trace.requests.size()) / span.seconds();
}

// Calls `one(i)` for every seed, on all cores. The first error stays.
absl::Status ForEachSeed(uint32_t seeds, const std::function<absl::Status(uint32_t)>& one) {
  std::atomic<uint32_t> next{0}, done{0};
  std::mutex mutex;
  absl::Status status;
  ProgressBar progress("seeds", seeds);
  std::vector<std::thread> threads;
  const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
  for (uint32_t t = 0; t < std::min(cores, seeds); ++t) {
    threads.emplace_back([&] {
      for (uint32_t i; (i = next.fetch_add(1)) < seeds;) {
        absl::Status answer = one(i);
        const std::lock_guard<std::mutex> lock(mutex);
        status.Update(std::move(answer));
        progress.Update(++done);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return status;
}

TraceFlags FlagsOfSeed(const SimulateOptions& options, uint32_t seed) {
  TraceFlags flags = options.trace;
  flags.seed += seed;
  return flags;
}

absl::Status RunSeeds(const SimulateOptions& options, const StepCost& cost,
                      SimulationReport& report) {
  report.seeds.resize(options.seeds);
  return ForEachSeed(options.seeds, [&](uint32_t i) -> absl::Status {
    const TraceFlags flags = FlagsOfSeed(options, i);
    absl::StatusOr<Trace> trace = ReadTraces(flags);
    if (!trace.ok()) return trace.status();
    const absl::StatusOr<Run> run = RunOnce(options, cost, *std::move(trace), flags);
    if (!run.ok()) return run.status();
    report.seeds[i] = {flags.seed, RateOf(run->trace), run->summary};
    if (i > 0) return absl::OkStatus();
    report.trace = run->trace.name;
    report.history = run->trace.history;
    return absl::OkStatus();
  });
}

absl::StatusOr<Goodput> SearchSeed(const SimulateOptions& options, const StepCost& cost,
                                   const Trace& trace, TraceFlags flags) {
  const double first = flags.rate_rps > 0 ? flags.rate_rps : RateOf(trace);
  if (first <= 0) return absl::InvalidArgumentError("the trace has no rate to begin with: --rate");
  absl::Status status;
  Goodput found = SearchGoodput({.first_rate = first}, [&](double rate) {
    flags.rate_rps = rate;
    const absl::StatusOr<Run> run = RunOnce(options, cost, trace, flags);
    status.Update(run.status());
    return run.ok() ? run->summary.attainment : 0.0;
  });
  if (!status.ok()) return status;
  return found;
}

absl::Status SearchSeeds(const SimulateOptions& options, const StepCost& cost,
                         SimulationReport& report) {
  report.searched.resize(options.seeds);
  return ForEachSeed(options.seeds, [&](uint32_t i) -> absl::Status {
    const TraceFlags flags = FlagsOfSeed(options, i);
    const absl::StatusOr<Trace> trace = ReadTraces(flags);
    if (!trace.ok()) return trace.status();
    absl::StatusOr<Goodput> found = SearchSeed(options, cost, *trace, flags);
    if (!found.ok()) return found.status();
    report.searched[i] = {flags.seed, *std::move(found)};
    if (i > 0) return absl::OkStatus();
    report.trace = trace->name;
    report.history = trace->history;
    return absl::OkStatus();
  });
}

std::string ClusterText(const SimulateOptions& options) {
  std::string text = absl::StrCat(options.workers, " workers of ", options.kv_tokens, " KV tokens");
  if (options.dram_tokens > 0) absl::StrAppend(&text, " and ", options.dram_tokens, " in DRAM");
  absl::StrAppend(&text, ", policy ", options.policy);
  if (options.schedulers > 1 || options.staleness > Duration()) {
    absl::StrAppend(&text, ", ", options.schedulers, " schedulers, views up to ",
                    FormatDuration(options.staleness), " old");
  }
  return text;
}

absl::Status RunSimulate(SimulateOptions options) {
  const absl::StatusOr<StepProfile> profile = FindStepProfile(options.profile);
  if (!profile.ok()) return profile.status();
  const StepCost cost(*profile);
  if (options.kv_tokens == 0) options.kv_tokens = profile->kv_tokens;
  SimulationReport report;
  report.cluster = ClusterText(options);
  report.profile = profile->name;
  report.target = options.target;
  const SystemClock clock;
  const Instant start = clock.Now();
  const absl::Status status =
      options.goodput ? SearchSeeds(options, cost, report) : RunSeeds(options, cost, report);
  if (!status.ok()) return status;
  report.wall_seconds = (clock.Now() - start).seconds();
  if (options.format == OutputFormat::kJson) {
    std::cout << ToJson(report).dump(2) << "\n";
  } else {
    std::cout << ToText(report);
  }
  return absl::OkStatus();
}

void AddClusterOptions(CLI::App& app, SimulateOptions& options) {
  app.add_option("--workers", options.workers, "how many workers")
      ->check(CLI::Range(1u, 100'000u))
      ->group("Cluster");
  std::vector<std::string> policies;
  for (PolicyKind kind : AllPolicies()) policies.emplace_back(PolicyName(kind));
  app.add_option("--policy", options.policy, "how requests find workers")
      ->check(CLI::IsMember(policies))
      ->group("Cluster");
  app.add_option("--schedulers", options.schedulers,
                 "that share nothing; requests are spread by the seed")
      ->check(CLI::Range(1u, 1000u))
      ->group("Cluster");
  AddDuration(app, "--staleness", options.staleness,
              "how old a scheduler's view of a worker may get")
      ->group("Cluster");
  AddDuration(app, "--link-delay", options.link_delay,
              "of each message between scheduler and worker")
      ->group("Cluster");
  app.add_option("--kv-tokens", options.kv_tokens,
                 "tokens of KV on each worker's device; 0: what the profile says")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 40))
      ->group("Cluster");
  app.add_option("--dram-tokens", options.dram_tokens, "and in its DRAM")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 40))
      ->group("Cluster");
  app.add_option("--step-tokens", options.step_tokens, "computed in one step at most")
      ->check(CLI::Range(1u, 1u << 20))
      ->group("Cluster");
  app.add_option("--sequences-max", options.sequences_max, "in one step at most")
      ->check(CLI::Range(1u, 65536u))
      ->group("Cluster");
  app.add_option("--profile", options.profile, "what a step costs")->group("Cluster");
}

}  // namespace

void AddSimulate(CLI::App& root) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* app = root.add_subcommand("simulate", "a cluster in virtual time, replaying a trace")
                      ->group("Measure");
  AddTraceFlags(*app, options->trace);
  app->add_option("--seeds", options->seeds, "how many seeds, from --seed on")
      ->check(CLI::Range(1u, 10'000u))
      ->group("Shaping");
  AddClusterOptions(*app, *options);
  AddDuration(*app, "--slo-ttft", options->target.ttft, "time to the first token; 0: no target")
      ->group("Targets");
  AddDuration(*app, "--slo-tpot", options->target.tpot, "mean time between tokens; 0: no target")
      ->group("Targets");
  app->add_flag("--goodput", options->goodput,
                "search the highest rate with 90 % within the targets")
      ->group("Targets");
  AddOutputFormat(*app, options->format);
  app->footer(
      R"(Everything it prints is simulated: the production scheduler, worker and store cores in virtual time,
with steps that take what the profile says.

Examples:
  cairn simulate conversation.jsonl --workers 16 --kv-tokens 2000000
  cairn simulate conversation.jsonl --workers 16 --goodput --seeds 5 -o json)");
  OnRun(*app, [options] { return RunSimulate(*options); });
}

}  // namespace cairn
