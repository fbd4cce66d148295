#include "deploy/cli/simulation/simulate_flags.h"

#include <vector>

#include "scheduler/core/routing_policy.h"

namespace cairn {
namespace {

void AddClusterFlags(CLI::App& app, SimulateFlags& flags) {
  app.add_option("--workers", flags.workers, "how many workers")
      ->check(CLI::Range(1u, 100'000u))
      ->group("Cluster");
  std::vector<std::string> policies;
  for (PolicyKind kind : AllPolicies()) policies.emplace_back(PolicyName(kind));
  app.add_option("--policy", flags.policy, "how requests find workers")
      ->check(CLI::IsMember(policies))
      ->group("Cluster");
  app.add_option("--schedulers", flags.schedulers,
                 "that share nothing; requests are spread by the seed")
      ->check(CLI::Range(1u, 1000u))
      ->group("Cluster");
  AddDuration(app, "--staleness", flags.staleness, "how old a scheduler's view of a worker may get")
      ->group("Cluster");
  AddDuration(app, "--link-delay", flags.link_delay, "of each message between scheduler and worker")
      ->group("Cluster");
  app.add_option("--kv-tokens", flags.kv_tokens,
                 "tokens of KV on each worker's device; 0: what the profile says")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 40))
      ->group("Cluster");
  app.add_option("--dram-tokens", flags.dram_tokens, "and in its DRAM")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 40))
      ->group("Cluster");
  app.add_option("--step-tokens", flags.step_tokens, "computed in one step at most")
      ->check(CLI::Range(1u, 1u << 20))
      ->group("Cluster");
  app.add_option("--sequences-max", flags.sequences_max, "in one step at most")
      ->check(CLI::Range(1u, 65536u))
      ->group("Cluster");
  app.add_option("--profile", flags.profile, "what a step costs")->group("Cluster");
}

}  // namespace

void AddSimulateFlags(CLI::App& app, SimulateFlags& flags) {
  AddTraceFlags(app, flags.trace);
  app.add_option("--seeds", flags.seeds, "how many seeds, from --seed on")
      ->check(CLI::Range(1u, 10'000u))
      ->group("Shaping");
  AddClusterFlags(app, flags);
  AddDuration(app, "--slo-ttft", flags.target.ttft, "time to the first token; 0: no target")
      ->group("Targets");
  AddDuration(app, "--slo-tpot", flags.target.tpot, "mean time between tokens; 0: no target")
      ->group("Targets");
  app.add_flag("--goodput", flags.goodput, "search the highest rate with 90 % within the targets")
      ->group("Targets");
  AddOutputFormat(app, flags.format);
}

}  // namespace cairn
