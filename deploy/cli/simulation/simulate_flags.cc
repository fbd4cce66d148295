#include "deploy/cli/simulation/simulate_flags.h"

#include <CLI/CLI.hpp>

#include "deploy/cli/options.h"
#include "scheduler/core/routing_policy.h"

namespace cairn {
namespace {

void AddClusterFlags(CLI::App& app, SimulateFlags& flags) {
  constexpr char kGroup[] = "Cluster";
  app.add_option("--workers", flags.workers, "how many workers")
      ->check(CLI::Range(1u, 100'000u))
      ->group(kGroup);
  std::vector<std::string> policies;
  for (PolicyKind kind : AllPolicies()) policies.emplace_back(PolicyName(kind));
  app.add_option("--policy", flags.policies, "how requests find workers; several are compared")
      ->delimiter(',')
      ->allow_extra_args(false)  // a file may follow
      ->check(CLI::IsMember(policies))
      ->type_name("NAME,...")
      ->group(kGroup);
  AddSwitch(app, "compare", flags.compare, "compare all policies")->group(kGroup);
  app.add_option("--schedulers", flags.schedulers,
                 "that share nothing; requests are spread by the seed")
      ->check(CLI::Range(1u, 1000u))
      ->group(kGroup);
  AddDuration(app, "--staleness", flags.staleness, "how old a scheduler's view of a worker may get")
      ->group(kGroup);
  AddDuration(app, "--ask-wait", flags.ask_wait,
              "how long one of several schedulers waits for what workers say of a request before "
              "it is placed; 0: nobody is asked")
      ->group(kGroup);
  AddDuration(app, "--link-delay", flags.link_delay, "of each message between scheduler and worker")
      ->group(kGroup);
  app.add_option("--kv-tokens", flags.kv_tokens,
                 "tokens of KV on each worker's device; 0: what the profile says")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 40))
      ->group(kGroup);
  app.add_option("--dram-tokens", flags.dram_tokens, "and in its DRAM")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 40))
      ->group(kGroup);
  app.add_option("--step-tokens", flags.step_tokens, "computed in one step at most")
      ->check(CLI::Range(1u, 1u << 20))
      ->group(kGroup);
  app.add_option("--sequences-max", flags.sequences_max, "in one step at most")
      ->check(CLI::Range(1u, 65536u))
      ->group(kGroup);
  app.add_option("--profile", flags.profile, "what a step costs: a name or a file")->group(kGroup);
  AddSwitch(app, "fetch", flags.fetch,
            "workers fetch what others have cached, over --kv-link, where that is faster than "
            "computing it")
      ->group(kGroup);
}

void AddWorldFlags(CLI::App& app, SimulateFlags& flags) {
  constexpr char kGroup[] = "Events";
  app.add_option("--event", flags.events,
                 "TIME:kill:WORKER, TIME:return:WORKER, TIME:slow:WORKER:300%, TIME:remove:WORKER "
                 "(a WORKER is a number from 0 or 2-5) or TIME:add:COUNT; may be repeated")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("EVENT,...")
      ->group(kGroup);
  app.add_option("--events", flags.events_file, "a file of them, one a line, # begins a comment")
      ->type_name("FILE")
      ->group(kGroup);
}

void AddQuestionFlags(CLI::App& app, SimulateFlags& flags) {
  constexpr char kGroup[] = "Question";
  AddDuration(app, "--slo-ttft", flags.target.ttft, "time to the first token; 0: no target")
      ->group(kGroup);
  AddDuration(app, "--slo-tpot", flags.target.tpot, "mean time between tokens; 0: no target")
      ->group(kGroup);
  app.add_option("--attainment", flags.attainment,
                 "the share of requests that must be within the targets")
      ->check(CLI::Range(0.01, 1.0))
      ->group(kGroup);
  app.add_flag("--goodput", flags.goodput, "search the highest rate at which they are")
      ->group(kGroup);
  app.add_option("--rates", flags.rates,
                 "run at each of these rates, or auto: around the goodput, which is searched first")
      ->type_name("RATE,...")
      ->group(kGroup);
  app.add_flag("--plan", flags.plan,
               "search the smallest number of workers that keeps the targets at the trace's rate")
      ->group(kGroup);
  AddDurations(
      app, "--host-overhead", flags.host_overheads,
      "added to every step instead of the profile's; several: does the goodput depend on it?")
      ->group(kGroup);
  app.add_option("--network", flags.networks, "GB/s between workers, likewise")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1e-3, 1e6))
      ->type_name("GB/S,...")
      ->group(kGroup);
}

}  // namespace

void AddSimulateFlags(CLI::App& app, SimulateFlags& flags) {
  AddTraceFlags(app, flags.trace);
  app.add_option("--seeds", flags.seeds, "how many seeds, from --seed on")
      ->check(CLI::Range(1u, 10'000u))
      ->group("Shaping");
  AddClusterFlags(app, flags);
  AddPhaseFlags(app, flags.phases);
  AddClassFlags(app, flags.classes);
  AddWorldFlags(app, flags);
  AddQuestionFlags(app, flags);
  app.add_option("--threads", flags.threads, "runs beside each other; 0: as many as cores")
      ->check(CLI::Range(0u, 1024u))
      ->group("Output");
  app.add_option("--html", flags.html, "also write a report, one file, here")
      ->type_name("FILE")
      ->group("Output");
  AddOutputFormat(app, flags.format)->group("Output");
}

}  // namespace cairn
