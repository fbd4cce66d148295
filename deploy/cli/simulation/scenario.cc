#include "deploy/cli/simulation/scenario.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "deploy/cli/simulation/cell_queue.h"
#include "scheduler/core/routing_policy.h"
#include "scheduler/simulator/step_profile.h"
#include "scheduler/simulator/trace_facts.h"

namespace cairn {
namespace {

absl::Status ReadAllTraces(Scenario& scenario) {
  scenario.traces.resize(scenario.flags.seeds);
  CellQueue queue(scenario.flags.threads, "reading", 0);
  return queue.ForEach(scenario.flags.seeds, [&scenario](uint32_t seed) -> absl::Status {
    absl::StatusOr<Trace> trace = ReadTraces(TraceFlagsOf(scenario, seed, 0));
    if (!trace.ok()) return trace.status();
    scenario.traces[seed] = *std::move(trace);
    return absl::OkStatus();
  });
}

absl::Status ParseRates(Scenario& scenario) {
  SimulateFlags& flags = scenario.flags;
  // A report without curves over load would say little: where nobody chose, they are shown.
  const bool chosen = flags.plan || !flags.rates.empty() || flags.trace.rate_rps > 0;
  scenario.rates_auto = flags.rates == "auto" || (!flags.html.empty() && !chosen);
  if (scenario.rates_auto) flags.goodput = true;
  if (flags.rates.empty() || flags.rates == "auto") return absl::OkStatus();
  for (const absl::string_view one : absl::StrSplit(flags.rates, ',')) {
    double rate = 0;
    if (!absl::SimpleAtod(one, &rate) || !(rate > 0) || rate > 1e9) {
      return absl::InvalidArgumentError(
          absl::StrCat("--rates: '", one, "' is not a rate (write 4,6,8 or auto)"));
    }
    scenario.rates.push_back(rate);
  }
  std::ranges::sort(scenario.rates);
  const auto twice = std::ranges::unique(scenario.rates);
  scenario.rates.erase(twice.begin(), twice.end());
  return absl::OkStatus();
}

absl::Status CheckPhases(const SimulateFlags& flags) {
  const PhaseFlags& phases = flags.phases;
  if (!phases.any()) return absl::OkStatus();
  if (flags.plan || phases.search) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.plan ? "--plan" : "--search-sliders",
                     " chooses the workers itself: leave out --prefill, --decode and --mixed"));
  }
  if (phases.decode > 0 && phases.decode_step_tokens > phases.prefill_step_tokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--decode-step-tokens ", phases.decode_step_tokens, ": more than --prefill-step-tokens ",
        phases.prefill_step_tokens, "; decode-heavy workers are those with the smaller one"));
  }
  if (phases.decode > 0 && phases.prefill == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--decode ", phases.decode,
                     ": only prefill-heavy workers hand requests on to them; add --prefill"));
  }
  if (phases.decode == 0 && phases.mixed == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--prefill ", phases.prefill, ": nobody decodes; add --decode or --mixed"));
  }
  return absl::OkStatus();
}

absl::Status Check(const Scenario& scenario) {
  const SimulateFlags& flags = scenario.flags;
  SchedulerLimits limits;
  if (absl::Status classes = ApplyClassFlags(flags.classes, limits); !classes.ok()) return classes;
  const uint32_t block_tokens = scenario.traces[0].block_tokens;
  if (flags.kv_tokens < block_tokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--kv-tokens ", flags.kv_tokens, ": less than one block of ", block_tokens, " tokens"));
  }
  if (flags.fetch && scenario.LinkBetweenWorkers().gigabytes_per_s <= 0) {
    return absl::InvalidArgumentError(absl::StrCat("--fetch: profile ", scenario.profile.name,
                                                   " has no ", flags.phases.kv_link,
                                                   " link; --kv-link names another, and --network "
                                                   "says how fast that one is"));
  }
  const uint32_t needed = WorkersNeeded(scenario.events);
  if (!flags.plan && needed > flags.workers) {
    return absl::InvalidArgumentError(
        absl::StrCat("--event: worker ", needed - 1, " is not there: ", flags.workers,
                     " workers are numbered from 0 to ", flags.workers - 1));
  }
  if (flags.plan && (flags.goodput || !flags.rates.empty())) {
    return absl::InvalidArgumentError(
        "--plan asks how many workers one rate needs; --goodput and --rates ask what so many "
        "workers can do: one or the other");
  }
  if (flags.target.ttft == Duration() && flags.target.tpot == Duration() &&
      (flags.plan || flags.goodput)) {
    return absl::InvalidArgumentError(
        "without --slo-ttft and --slo-tpot every rate is good enough");
  }
  return absl::OkStatus();
}

}  // namespace

TraceFlags TraceFlagsOf(const Scenario& scenario, uint32_t seed, double rate) {
  TraceFlags flags = scenario.flags.trace;
  flags.seed += seed;
  if (rate > 0) flags.rate_rps = rate;
  return flags;
}

absl::StatusOr<Trace> ShapedTrace(const Scenario& scenario, uint32_t seed, double rate) {
  Trace trace = scenario.traces[seed];
  const absl::Status shaped = ShapeTrace(trace, TraceFlagsOf(scenario, seed, rate));
  if (!shaped.ok()) return shaped;
  return trace;
}

double RateOf(const Trace& trace) {
  const std::vector<Instant> arrivals = NominalArrivals(trace);
  if (arrivals.empty()) return 0;
  const auto [first, last] = std::ranges::minmax(arrivals);
  return first == last ? 0 : static_cast<double>(arrivals.size()) / (last - first).seconds();
}

absl::StatusOr<Scenario> LoadScenario(SimulateFlags flags) {
  Scenario scenario;
  absl::StatusOr<StepProfile> profile = FindStepProfile(flags.profile);
  if (!profile.ok()) return profile.status();
  scenario.profile = *std::move(profile);
  if (flags.kv_tokens == 0) flags.kv_tokens = scenario.profile.kv_tokens;
  if (flags.compare) {
    flags.policies.clear();
    for (const PolicyKind kind : AllPolicies()) flags.policies.emplace_back(PolicyName(kind));
  }
  // One value of an axis is a setting.
  if (flags.host_overheads.size() == 1) {
    scenario.profile.host_overhead_ms = flags.host_overheads[0].seconds() * 1e3;
    flags.host_overheads.clear();
  }
  if (flags.networks.size() == 1) {
    scenario.profile.links[static_cast<size_t>(KvLink::kNetwork)].gigabytes_per_s =
        flags.networks[0];
    flags.networks.clear();
  }
  absl::StatusOr<EventScript> events = LoadEventScript(flags.events, flags.events_file);
  if (!events.ok()) return events.status();
  scenario.events = *std::move(events);
  if (absl::Status roles = CheckPhases(flags); !roles.ok()) return roles;
  if (flags.phases.any()) {
    flags.workers = flags.phases.prefill + flags.phases.decode + flags.phases.mixed;
  }
  scenario.flags = std::move(flags);
  if (absl::Status parsed = ParseRates(scenario); !parsed.ok()) return parsed;
  if (absl::Status read = ReadAllTraces(scenario); !read.ok()) return read;
  if (absl::Status checked = Check(scenario); !checked.ok()) return checked;
  return scenario;
}

}  // namespace cairn
