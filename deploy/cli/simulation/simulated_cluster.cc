#include "deploy/cli/simulation/simulated_cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "deploy/cli/units.h"
#include "kvstore/base/check.h"
#include "scheduler/core/routing_policy.h"
#include "scheduler/simulator/fetch_price.h"

namespace cairn {
namespace {

uint32_t SlotsFor(uint64_t tokens, uint32_t block_tokens) {
  return static_cast<uint32_t>(std::min<uint64_t>(tokens / block_tokens, 1u << 30));
}

// What the flags promise. REQUIRES: they were checked.
SchedulerLimits LimitsOf(const SimulateFlags& flags) {
  SchedulerLimits limits = SchedulerOptions().limits;
  CAIRN_CHECK(ApplyClassFlags(flags.classes, limits).ok());
  const bool own = std::ranges::any_of(
      flags.classes.classes, [](const std::string& text) { return text.starts_with("standard="); });
  if (!own) limits.classes->Set({"standard", flags.target, 0});
  return limits;
}

}  // namespace

ClusterOptions ClusterOf(const Scenario& scenario, const StudyCell& cell, const StepCost& cost,
                         uint32_t block_tokens) {
  const SimulateFlags& flags = scenario.flags;
  const uint64_t seed = flags.trace.seed + cell.seed;
  WorkerOptions worker;
  worker.limits.step_tokens = flags.step_tokens;
  worker.limits.sequences_max = flags.sequences_max;
  worker.step_percent = cell.step_percent;
  worker.store.block_tokens = block_tokens;
  worker.store.device = {.slots = SlotsFor(flags.kv_tokens * cell.kv_percent / 100, block_tokens)};
  worker.store.dram = {.slots = SlotsFor(flags.dram_tokens, block_tokens)};
  if (flags.dram_tokens > 0) {
    worker.move_time = cost.TransferTokens(KvLink::kDram, block_tokens, block_tokens);
    worker.store.device_headroom_slots = worker.store.device.slots / 32;
  }
  SchedulerOptions scheduler;
  scheduler.limits = LimitsOf(flags);
  scheduler.link_delay = flags.link_delay;
  scheduler.staleness = flags.staleness;
  scheduler.limits.routing.policy = *PolicyNamed(cell.policy);
  scheduler.limits.routing.seed = seed;
  if (flags.target.ttft > Duration()) scheduler.limits.routing.ttft_slo = flags.target.ttft;
  ClusterOptions cluster;
  cluster.seed = seed;
  const PhaseFlags& phases = flags.phases;
  scheduler.limits.phases.flow = phases.flow;
  scheduler.limits.phases.length_aware = phases.length_aware;
  scheduler.limits.phases.tpot_slo = flags.target.tpot;
  if (cell.sliders || phases.any()) {
    cluster.workers = WorkersOf(cell.sliders.value_or(phases.sliders()), worker);
  } else {
    cluster.workers.assign(cell.workers, worker);
  }
  if (flags.schedulers > 1 && flags.ask_wait > Duration()) {
    ShareWorkers(scheduler.limits, flags.ask_wait);
  }
  cluster.schedulers.assign(flags.schedulers, scheduler);
  cluster.peers = PeersOver(phases.link(), cost, block_tokens);
  if (flags.fetch) LetFetch(phases.link(), cost, block_tokens, cluster);
  cluster.world = WorldOf(scenario.events, worker);
  return cluster;
}

std::string ClusterText(const Scenario& scenario) {
  const SimulateFlags& flags = scenario.flags;
  const auto size = [&scenario](uint64_t tokens) {
    return absl::StrCat(FormatGrouped(tokens), " KV tokens (",
                        FormatSizeRounded(tokens * scenario.profile.kv_bytes_per_token), ")");
  };
  std::string text = flags.plan ? "workers" : absl::StrCat(flags.workers, " workers");
  if (flags.phases.any()) text = flags.phases.sliders().Name();
  absl::StrAppend(&text, " of ", size(flags.kv_tokens));
  if (flags.dram_tokens > 0) absl::StrAppend(&text, " and ", size(flags.dram_tokens), " in DRAM");
  if (flags.fetch) {
    absl::StrAppend(&text, ", that fetch from each other at ",
                    scenario.LinkBetweenWorkers().gigabytes_per_s, " GB/s");
  }
  if (flags.schedulers > 1 || flags.staleness > Duration()) {
    absl::StrAppend(&text, ", ", flags.schedulers, " schedulers, views up to ",
                    FormatDuration(flags.staleness), " old");
  }
  return text;
}

LatencyClasses ClassesOf(const SimulateFlags& flags) { return *LimitsOf(flags).classes; }

}  // namespace cairn
