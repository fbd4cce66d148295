#include "deploy/cli/simulation/phase_flags.h"

#include "deploy/cli/options.h"

namespace cairn {

void AddPhaseFlags(CLI::App& app, PhaseFlags& flags) {
  CLI::Option* const workers = app.get_option("--workers");
  const auto count = [&](const std::string& flag, uint32_t& value, const std::string& help) {
    app.add_option(flag, value, help)
        ->check(CLI::Range(0u, 100'000u))
        ->excludes(workers)
        ->group("Phases");
  };
  count("--prefill", flags.prefill, "prefill-heavy workers; with --decode instead of --workers");
  count("--decode", flags.decode, "decode-heavy workers");
  count("--mixed", flags.mixed, "workers for both, beside those");
  app.add_option("--prefill-step-tokens", flags.prefill_step_tokens,
                 "of prompts in one step of a prefill-heavy or mixed worker")
      ->check(CLI::Range(1u, 1u << 20))
      ->group("Phases");
  app.add_option("--decode-step-tokens", flags.decode_step_tokens,
                 "of prompts in one step of a decode-heavy worker; 0: it is given none")
      ->check(CLI::Range(0u, 1u << 20))
      ->group("Phases");
  AddSwitch(app, "flow", flags.flow,
            "decodes run on prefill-heavy workers while decode-heavy ones are full")
      ->group("Phases");
  AddSwitch(
      app, "length-aware", flags.length_aware,
      "decode-heavy workers take prompts that are early enough there and slow nobody too much")
      ->group("Phases");
  app.add_option("--kv-link", flags.kv_link, "of the profile, that KV goes over between workers")
      ->check(CLI::IsMember({"network", "peer"}))
      ->group("Phases");
  app.add_flag("--search-sliders", flags.search,
               "first search how many of --workers should be for what, and with which chunks; with "
               "--plan, for each number of workers")
      ->group("Phases");
}

}  // namespace cairn
