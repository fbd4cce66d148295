#include "tests/bench/goodput_cell.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "scheduler/simulator/arrival_shape.h"
#include "scheduler/simulator/cluster_options.h"
#include "scheduler/simulator/fetch_price.h"
#include "scheduler/simulator/plan_cost.h"
#include "scheduler/simulator/skewed_trace.h"
#include "scheduler/simulator/step_profile.h"
#include "scheduler/simulator/trace_blocks.h"
#include "scheduler/simulator/trace_facts.h"
#include "scheduler/simulator/trace_file.h"
#include "scheduler/simulator/virtual_cluster.h"

namespace cairn {
namespace {

// DualMap's model length; its experiments drop longer requests.
constexpr uint32_t kInputMax = 20'480;
// Of agents: longer contexts than Llama-3.1 has, pauses in which people leave, and turns beyond
// which one session is like the other.
constexpr uint32_t kAgentInputMax = 131'072;
constexpr Duration kAgentThinkMax = Seconds(5);
constexpr uint32_t kAgentTurns = 16;
constexpr uint32_t kBlockTokens = 512;
// The shared half of the conversation trace: its first part is the tables', the rest for tuning.
constexpr Duration kConversationSplit = Seconds(885);
constexpr uint64_t kTuningSeeds = 1000;  // so much is added to the seed of what is made up

using Setting = std::function<void(SchedulerLimits&, double)>;

Duration SecondsOf(double value) { return Nanoseconds(static_cast<int64_t>(value * 1e9)); }

template <typename Number>
Setting Of(Number RoutingOptions::*member) {
  return [member](SchedulerLimits& limits, double value) {
    limits.routing.*member = static_cast<Number>(value);
  };
}
Setting Of(Duration RoutingOptions::*member) {
  return [member](SchedulerLimits& limits, double value) {
    limits.routing.*member = SecondsOf(value);
  };
}

const std::map<std::string, Setting, std::less<>>& Settings() {
  using Options = RoutingOptions;
  static const std::map<std::string, Setting, std::less<>> kSettings = {
      {"homes", Of(&Options::homes)},
      {"gain", Of(&Options::affinity_gain_tokens)},
      {"stride", Of(&Options::affinity_tokens)},
      {"work", Of(&Options::work_percent)},
      {"fetchwork", Of(&Options::fetch_percent)},
      {"sent", Of(&Options::sent_percent)},
      {"sentwindow", Of(&Options::sent_window)},
      {"guests", Of(&Options::guests)},
      {"holders", Of(&Options::holders_max)},
      {"affinity", Of(&Options::affinity_percent)},
      {"bounded", Of(&Options::bounded_load_percent)},
      {"floor", Of(&Options::bounded_load_floor_tokens)},
      {"window", Of(&Options::e2_window)},
      {"exploit", Of(&Options::e2_exploit_percent)},
      {"rebalance", [](SchedulerLimits& limits,
                       double value) { limits.rebalance_percent = static_cast<uint32_t>(value); }},
      {"shorter",
       [](SchedulerLimits& limits, double value) {
         limits.shorter_first_percent = static_cast<uint32_t>(value);
       }},
      {"ask",
       [](SchedulerLimits& limits, double value) { limits.ask_wait = SecondsOf(value / 1000); }},
      {"ahead", [](SchedulerLimits& limits,
                   double value) { limits.unprefilled_tokens_max = static_cast<uint64_t>(value); }},
  };
  return kSettings;
}

absl::Status Apply(const std::string& policy, SchedulerLimits& limits) {
  const std::vector<std::string> parts = absl::StrSplit(policy, ',');
  const std::optional<PolicyKind> kind = PolicyNamed(parts[0]);
  if (!kind) return absl::InvalidArgumentError("no policy is called " + parts[0]);
  limits.routing.policy = *kind;
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::pair<std::string, std::string> setting = absl::StrSplit(parts[i], '=');
    const auto found = Settings().find(setting.first);
    double value = 0;
    if (found == Settings().end() || !absl::SimpleAtod(setting.second, &value)) {
      return absl::InvalidArgumentError("not a setting of a policy: " + parts[i]);
    }
    found->second(limits, value);
  }
  return absl::OkStatus();
}

// Everything that is counted in tokens, in coarse ones.
void Coarsen(SchedulerLimits& limits, uint32_t coarse) {
  RoutingOptions& routing = limits.routing;
  routing.affinity_gain_tokens = std::max(1u, routing.affinity_gain_tokens / coarse);
  routing.affinity_tokens = std::max(1u, routing.affinity_tokens / coarse);
  routing.bounded_load_floor_tokens /= coarse;
  routing.cost.fetch_tokens_min /= coarse;
  limits.unprefilled_tokens_max = std::max<uint64_t>(1, limits.unprefilled_tokens_max / coarse);
}

void Coarsen(Trace& trace, uint32_t coarse) {
  trace.block_tokens /= coarse;
  for (TraceRequest& request : trace.requests) {
    request.input_tokens = std::max(1u, request.input_tokens / coarse);
    request.output_tokens = std::max(1u, request.output_tokens / coarse);
    const size_t blocks = (request.input_tokens + trace.block_tokens - 1) / trace.block_tokens;
    if (request.blocks.size() > blocks) request.blocks.resize(blocks);
  }
}

absl::StatusOr<StepProfile> ProfileOf(const GoodputCell& cell) {
  absl::StatusOr<StepProfile> profile = FindStepProfile(cell.profile);
  if (!profile.ok()) return profile;
  profile->host_overhead_ms += cell.overhead_ms;
  if (cell.fetch_gbps > 0) {
    profile->links[static_cast<size_t>(KvLink::kNetwork)].gigabytes_per_s = cell.fetch_gbps;
  }
  return profile;
}

StepProfile Coarse(StepProfile profile, uint32_t coarse) {
  const double factor = coarse;
  profile.prefill_token_ms *= factor;
  profile.prefill_pair_ms *= factor * factor;
  profile.attention_tokens_min /= coarse;
  profile.decode_context_token_ms *= factor;
  profile.kv_bytes_per_token *= coarse;
  return profile;
}

// DualMap's experiments warm the caches up slowly; otherwise what piles up while they are cold is
// all that a high rate shows.
void SlowDownWarmUp(Trace& trace) {
  constexpr int64_t kTimes = 4;
  const Duration warm_up = trace.measured_from - Instant();
  for (TraceRequest& request : trace.requests) {
    const Duration at = request.arrival - Instant();
    request.arrival = request.arrival + std::min(at, warm_up) * (kTimes - 1);
  }
  trace.measured_from = Instant() + warm_up * kTimes;
}

absl::Status Shape(const GoodputCell& cell, double rate_rps, Trace& trace) {
  const bool agents = cell.trace == "agents";
  TraceShape shape;
  shape.seed = cell.seed;
  shape.input_tokens_max = agents ? kAgentInputMax : kInputMax;
  shape.block_tokens = kBlockTokens;
  if (agents) shape.think_max = kAgentThinkMax;
  if (cell.trace == "conversation") {
    if (cell.tuning) shape.from = kConversationSplit;
    if (!cell.tuning) shape.until = kConversationSplit;
  }
  const size_t requests = cell.requests * size_t{cell.workers} / 16;
  shape.repeat_to = requests;
  shape.rate_rps = rate_rps;
  shape.poisson = true;
  shape.permute_ids = true;
  shape.warm_up_requests = requests / (agents ? 4 : 8);
  if (absl::Status done = ShapeTrace(trace, shape); !done.ok()) return done;
  if (!agents) SlowDownWarmUp(trace);
  if (!cell.outputs) {
    for (TraceRequest& request : trace.requests) request.output_tokens = 1;
  }
  // Who asks is another question: nobody is served less because of a tenant.
  for (TraceRequest& request : trace.requests) request.tenant = 0;
  return absl::OkStatus();
}

// Errors: InvalidArgument for a policy or setting that is not known.
absl::StatusOr<ClusterOptions> ClusterOf(const GoodputCell& cell) {
  WorkerOptions worker;
  worker.limits.step_tokens = cell.step_tokens / cell.coarse;
  worker.limits.sequences_max = 256;
  worker.store.block_tokens = kBlockTokens / cell.coarse;
  worker.store.device = {.slots = static_cast<uint32_t>(cell.kv_tokens / kBlockTokens)};
  SchedulerOptions scheduler;
  scheduler.link_delay = Microseconds(200);
  scheduler.staleness = SecondsOf(cell.staleness_s);
  scheduler.limits.routing.ttft_slo = SecondsOf(cell.ttft_s);
  scheduler.limits.routing.seed = cell.seed;
  if (cell.schedulers > 1) ShareWorkers(scheduler.limits);
  if (absl::Status done = Apply(cell.policy, scheduler.limits); !done.ok()) return done;
  Coarsen(scheduler.limits, cell.coarse);
  ClusterOptions cluster;
  cluster.seed = cell.seed;
  cluster.workers.assign(cell.workers, worker);
  cluster.schedulers.assign(cell.schedulers, scheduler);
  for (uint32_t s = 0; s < cell.schedulers; ++s) {
    cluster.schedulers[s].limits.routing.seed = cell.seed * 1000 + s;
  }
  return cluster;
}

}  // namespace

SloTarget GoodputCell::target() const {
  return {.ttft = SecondsOf(ttft_s), .tpot = SecondsOf(tpot_s)};
}

std::string GoodputCell::Name() const {
  const GoodputCell usual;
  return absl::StrFormat(
      "%s%s;%s;n=%d;stale=%gs;schedulers=%d;kv=%d;profile=%s;ttft=%gs%s%s;coarse=%d%s%s%s;"
      "requests=%d;seed=%d",
      trace, tuning ? "(tuning)" : "", policy, workers, staleness_s, schedulers, kv_tokens, profile,
      ttft_s, tpot_s > 0 ? absl::StrFormat(";tpot=%gs", tpot_s) : "",
      step_tokens != usual.step_tokens ? absl::StrFormat(";step=%d", step_tokens) : "", coarse,
      outputs ? ";outputs" : "",
      overhead_ms > 0 ? absl::StrFormat(";overhead=%gms", overhead_ms) : "",
      fetch_gbps > 0 ? absl::StrFormat(";fetch=%g", fetch_gbps) : "", requests, seed);
}

absl::StatusOr<Trace> ReadCellTrace(const GoodputCell& cell, const std::string& folder) {
  if (cell.trace == "skewed") {
    return MakeSkewedTrace(cell.requests * uint64_t{cell.workers} / 16,
                           cell.seed + (cell.tuning ? kTuningSeeds : 0));
  }
  if (cell.trace == "conversation") {
    return ReadTraceFile(folder + "/mooncake/conversation_dev_first1770s.jsonl", "", {});
  }
  if (cell.trace != "agents") {
    return absl::InvalidArgumentError("no trace is called " + cell.trace);
  }
  absl::StatusOr<Trace> trace = ReadTraceFile(folder + "/claude_code_sessions/dev.jsonl", "", {});
  if (!trace.ok()) return trace;
  // Every other session is for tuning.
  std::vector<bool> keep;
  for (const TraceRequest& request : trace->requests) {
    keep.push_back(request.session % 2 == (cell.tuning ? 1 : 0) && request.turn < kAgentTurns);
  }
  KeepRequests(*trace, keep);
  if (absl::Status done = Reblock(*trace, kBlockTokens); !done.ok()) return done;
  return trace;
}

absl::StatusOr<GoodputCellRun> RunCell(const GoodputCell& cell, const Trace& trace,
                                       double rate_rps) {
  absl::StatusOr<StepProfile> profile = ProfileOf(cell);
  if (!profile.ok()) return profile.status();
  const StepCost cost(Coarse(*profile, cell.coarse));
  absl::StatusOr<ClusterOptions> cluster = ClusterOf(cell);
  if (!cluster.ok()) return cluster.status();
  if (cell.fetch_gbps > 0) {
    const uint32_t block_tokens = kBlockTokens / cell.coarse;
    cluster->peers = PeersOver(KvLink::kNetwork, cost, block_tokens);
    LetFetch(KvLink::kNetwork, cost, block_tokens, *cluster);
  }
  Trace shaped = trace;
  if (absl::Status done = Shape(cell, rate_rps, shaped); !done.ok()) return done;
  Coarsen(shaped, cell.coarse);
  const auto step_time = [&](const StepPlan& plan, Duration idle) {
    return CostOf(plan, cost, idle);
  };
  return GoodputCellRun{VirtualCluster(*cluster, shaped, step_time).Run(), shaped.measured_from};
}

absl::StatusOr<GoodputCellResult> SearchCell(const GoodputCell& cell, const Trace& trace,
                                             double guess_rps) {
  absl::StatusOr<StepProfile> profile = ProfileOf(cell);
  if (!profile.ok()) return profile.status();
  Trace shaped = trace;
  if (absl::Status done = Shape(cell, 1, shaped); !done.ok()) return done;
  GoodputCellResult out;
  const WorkBound bound = WorkBoundOf(shaped, StepCost(*profile), cell.workers, 64);
  out.bound_rps = cell.outputs ? bound.serve_rps : bound.prefill_rps;
  out.hit_bound = FactsOf(shaped, {}).token_hits;
  const SloTarget target = cell.target();
  GoodputSearch search{.first_rate = guess_rps, .first_step = 1.06, .precision = 0.01};
  if (guess_rps <= 0)
    search = {.first_rate = 0.8 * out.bound_rps, .first_step = 1.3, .precision = 0.01};
  absl::Status status;
  out.goodput = SearchGoodput(search, [&](double rate) {
    const absl::StatusOr<GoodputCellRun> run = RunCell(cell, trace, rate);
    status.Update(run.status());
    if (!run.ok()) return 1.0;
    const ClusterSummary summary = Summarize(run->result, target, run->measured_from);
    if (summary.attainment >= search.attainment) out.summary = summary;
    return summary.attainment;
  });
  if (!status.ok()) return status;
  const auto prompt_tokens = static_cast<double>(std::max<uint64_t>(1, out.summary.prompt_tokens));
  out.hit_share = static_cast<double>(out.summary.hit_device_tokens) / prompt_tokens;
  out.fetched_share = static_cast<double>(out.summary.fetched_tokens) / prompt_tokens;
  return out;
}

}  // namespace cairn
