#include "deploy/cli/simulation/simulation_study.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "deploy/cli/simulation/capacity_plan.h"
#include "deploy/cli/simulation/cell_queue.h"
#include "deploy/cli/simulation/configuration.h"
#include "deploy/cli/simulation/goodput_study.h"
#include "deploy/cli/simulation/simulated_cell.h"
#include "deploy/cli/simulation/simulated_cluster.h"
#include "deploy/cli/units.h"

namespace cairn {
namespace {

// `--rates auto`: from well below the lowest goodput to beyond the highest.
constexpr int kAutoRates = 8;
constexpr double kAutoFrom = 0.4;
constexpr double kAutoTo = 1.3;

Bounds BoundsOf(const Scenario& scenario, const Trace& trace, const TraceFacts& facts) {
  const SimulateFlags& flags = scenario.flags;
  Bounds bounds;
  bounds.hit_share = facts.token_hits;
  if (!facts.lru.empty()) {
    bounds.cache_tokens = facts.lru[0].capacity_tokens;
    bounds.lru_share = facts.lru[0].token_hits;
  }
  // The larger the batch, the less a token costs: with the largest it is a bound.
  bounds.decode_batch = flags.sequences_max;
  const WorkBound work =
      WorkBoundOf(trace, StepCost(scenario.profile), flags.workers, bounds.decode_batch);
  bounds.work_rps = work.serve_rps;
  bounds.prefill_rps = work.prefill_rps;
  return bounds;
}

absl::Status DescribeScenario(const Scenario& scenario, SimulationReport& report) {
  const SimulateFlags& flags = scenario.flags;
  const absl::StatusOr<Trace> trace = ShapedTrace(scenario, 0, 0);
  if (!trace.ok()) return trace.status();
  report.trace = trace->name;
  report.history = trace->history;
  const std::vector<uint64_t> cache = {uint64_t{flags.workers} *
                                       (flags.kv_tokens + flags.dram_tokens)};
  report.facts = FactsOf(*trace, cache);
  report.bounds = BoundsOf(scenario, *trace, report.facts);
  report.cluster = ClusterText(scenario);
  report.configuration = ConfigurationOf(scenario, trace->block_tokens);
  report.profile = scenario.profile;
  report.workers = flags.workers;
  for (uint32_t seed = 0; seed < flags.seeds; ++seed) {
    report.seeds.push_back(flags.trace.seed + seed);
  }
  report.target = flags.target;
  report.classes = ClassesOf(*trace, ClassesOf(flags));
  report.wanted_attainment = flags.attainment;
  report.events = scenario.events;
  return absl::OkStatus();
}

std::vector<StudyCell> CellOfEachPolicy(const Scenario& scenario) {
  std::vector<StudyCell> cells;
  for (const std::string& policy : scenario.flags.policies) {
    cells.push_back({.policy = policy, .workers = scenario.flags.workers});
  }
  return cells;
}

// Where a search begins: somewhat below what the work allows, or what --rate says.
absl::StatusOr<double> FirstRate(const Scenario& scenario, const SimulationReport& report) {
  if (scenario.flags.trace.rate_rps > 0) return scenario.flags.trace.rate_rps;
  const double guess = report.bounds.work_rps * 0.75;
  if (guess > 0 && std::isfinite(guess)) return guess;
  if (report.facts.mean_rps > 0) return report.facts.mean_rps;
  return absl::InvalidArgumentError("the trace has no rate to begin with: --rate");
}

absl::Status SearchPolicies(const Scenario& scenario, SimulationReport& report) {
  const absl::StatusOr<double> first = FirstRate(scenario, report);
  if (!first.ok()) return first.status();
  absl::StatusOr<std::vector<std::vector<SeedGoodput>>> found =
      SearchGoodputs(scenario, CellOfEachPolicy(scenario), *first);
  if (!found.ok()) return found.status();
  for (size_t i = 0; i < report.policies.size(); ++i) {
    report.policies[i].searched = std::move((*found)[i]);
  }
  return absl::OkStatus();
}

double ThreeDigits(double value) {
  const double unit = std::pow(10, std::floor(std::log10(value)) - 2);
  return std::round(value / unit) * unit;
}

// Around all goodputs, and the first policy's. Nothing where no policy has one.
std::vector<double> AutoRates(const SimulationReport& report) {
  double low = 0, high = 0;
  for (const PolicyReport& policy : report.policies) {
    const double goodput = GoodputOf(policy).mean;
    if (goodput <= 0) continue;
    low = low == 0 ? goodput : std::min(low, goodput);
    high = std::max(high, goodput);
  }
  std::vector<double> rates;
  if (high == 0) return rates;
  const double first = ThreeDigits(kAutoFrom * low);
  const double last = kAutoTo * high;
  for (int i = 0; i < kAutoRates; ++i) {
    rates.push_back(ThreeDigits(first + (last - first) * i / (kAutoRates - 1)));
  }
  const double detail = GoodputOf(report.policies[0]).mean;
  if (detail > 0) rates.push_back(ThreeDigits(detail));
  std::ranges::sort(rates);
  const auto twice = std::ranges::unique(rates);
  rates.erase(twice.begin(), twice.end());
  return rates;
}

// Every policy at every rate with every seed. Cells that take longest, those of the highest rates,
// begin first, so that no core waits long at the end.
absl::Status RunRates(const Scenario& scenario, const std::vector<double>& rates,
                      SimulationReport& report) {
  const std::vector<StudyCell> policies = CellOfEachPolicy(scenario);
  const size_t seeds = scenario.flags.seeds;
  for (PolicyReport& policy : report.policies) {
    for (const double rate : rates) {
      policy.rates.push_back({.rate = rate, .seeds = std::vector<SeedRun>(seeds)});
    }
  }
  const size_t cells = policies.size() * rates.size() * seeds;
  CellQueue queue(scenario.flags.threads, "simulating", cells * scenario.traces[0].requests.size());
  return queue.ForEach(static_cast<uint32_t>(cells), [&](uint32_t i) -> absl::Status {
    const size_t rate = rates.size() - 1 - i / (policies.size() * seeds);
    const size_t policy = i / seeds % policies.size();
    StudyCell cell = policies[policy];
    cell.seed = static_cast<uint32_t>(i % seeds);
    cell.rate = rates[rate];
    uint64_t told = 0;
    const auto tell = [&](uint64_t ended) {
      queue.Advance(ended - told);
      told = ended;
    };
    absl::StatusOr<SeedRun> run = RunCell(scenario, cell, tell);
    if (!run.ok()) return run.status();
    tell(std::max<uint64_t>(told, scenario.traces[cell.seed].requests.size()));
    report.policies[policy].rates[rate].seeds[cell.seed] = *std::move(run);
    return absl::OkStatus();
  });
}

absl::Status VaryAxis(const Scenario& scenario, double first_rate, SensitivityAxis axis,
                      const std::vector<StudyCell>& variants, SimulationReport& report) {
  std::vector<StudyCell> cells;
  for (const StudyCell& variant : variants) {
    for (StudyCell cell : CellOfEachPolicy(scenario)) {
      cell.host_overhead = variant.host_overhead;
      cell.network_gigabytes_per_s = variant.network_gigabytes_per_s;
      cells.push_back(std::move(cell));
    }
  }
  absl::StatusOr<std::vector<std::vector<SeedGoodput>>> found =
      SearchGoodputs(scenario, cells, first_rate);
  if (!found.ok()) return found.status();
  for (size_t i = 0; i < cells.size(); ++i) {
    axis.settings[i / scenario.flags.policies.size()].policies.push_back(
        {.policy = cells[i].policy, .searched = std::move((*found)[i]), .rates = {}});
  }
  report.sensitivity.push_back(std::move(axis));
  return absl::OkStatus();
}

absl::Status Vary(const Scenario& scenario, SimulationReport& report) {
  const absl::StatusOr<double> first = FirstRate(scenario, report);
  if (!first.ok()) return first.status();
  std::vector<StudyCell> variants;
  SensitivityAxis overhead{
      .name = "host-overhead", .profile = scenario.profile.host_overhead_ms / 1e3, .settings = {}};
  for (const Duration value : scenario.flags.host_overheads) {
    variants.push_back({.host_overhead = value});
    overhead.settings.push_back({value.seconds(), FormatDuration(value), {}});
  }
  if (!variants.empty()) {
    const absl::Status done = VaryAxis(scenario, *first, std::move(overhead), variants, report);
    if (!done.ok()) return done;
  }
  variants.clear();
  const size_t network = static_cast<size_t>(KvLink::kNetwork);
  SensitivityAxis axis{.name = "network",
                       .profile = scenario.profile.links[network].gigabytes_per_s,
                       .settings = {}};
  for (const double value : scenario.flags.networks) {
    variants.push_back({.network_gigabytes_per_s = value});
    axis.settings.push_back({value, absl::StrCat(value, " GB/s"), {}});
  }
  if (variants.empty()) return absl::OkStatus();
  return VaryAxis(scenario, *first, std::move(axis), variants, report);
}

}  // namespace

absl::StatusOr<SimulationReport> RunStudy(const Scenario& scenario) {
  SimulationReport report;
  if (absl::Status done = DescribeScenario(scenario, report); !done.ok()) return done;
  const SimulateFlags& flags = scenario.flags;
  if (flags.plan) {
    absl::StatusOr<CapacityPlan> plan =
        PlanCapacity(scenario, report.bounds.work_rps / flags.workers);
    if (!plan.ok()) return plan.status();
    report.plan = *std::move(plan);
    return report;
  }
  for (const std::string& policy : flags.policies) report.policies.push_back({.policy = policy});
  const bool vary = !flags.host_overheads.empty() || !flags.networks.empty();
  if (flags.goodput || vary) {
    if (absl::Status done = SearchPolicies(scenario, report); !done.ok()) return done;
  }
  std::vector<double> rates = scenario.rates_auto ? AutoRates(report) : scenario.rates;
  const bool only_searched = flags.goodput || vary;
  if (rates.empty() && (!only_searched || scenario.rates_auto)) rates = {0};
  if (!rates.empty()) {
    if (absl::Status done = RunRates(scenario, rates, report); !done.ok()) return done;
  }
  if (vary) {
    if (absl::Status done = Vary(scenario, report); !done.ok()) return done;
  }
  return report;
}

}  // namespace cairn
