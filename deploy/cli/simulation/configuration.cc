#include "deploy/cli/simulation/configuration.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "deploy/cli/units.h"

namespace cairn {
namespace {

std::string TokensText(uint64_t tokens, uint64_t bytes_per_token) {
  if (tokens == 0) return "none";
  return absl::StrCat(FormatGrouped(tokens), " tokens, ",
                      FormatSizeRounded(tokens * bytes_per_token));
}

std::string LinkText(const LinkCost& link) {
  if (!(link.gigabytes_per_s > 0)) return "none";
  return absl::StrFormat("%g GB/s, %g us a call", link.gigabytes_per_s, link.call_us);
}

std::string TargetText(Duration target) {
  return target == Duration() ? "none" : FormatDuration(target);
}

}  // namespace

Configuration ConfigurationOf(const Scenario& scenario, uint32_t block_tokens) {
  const SimulateFlags& flags = scenario.flags;
  const StepProfile& profile = scenario.profile;
  Configuration all;
  const auto add = [&all](std::string name, std::string value) {
    all.emplace_back(std::move(name), std::move(value));
  };
  if (!flags.plan) add("workers", absl::StrCat(flags.workers));
  add("gpus of a worker", absl::StrCat(profile.gpus));
  add("kv-tokens of a worker", TokensText(flags.kv_tokens, profile.kv_bytes_per_token));
  add("dram-tokens of a worker", TokensText(flags.dram_tokens, profile.kv_bytes_per_token));
  add("block", TokensText(block_tokens, profile.kv_bytes_per_token));
  add("step-tokens", absl::StrCat(flags.step_tokens));
  add("sequences-max", absl::StrCat(flags.sequences_max));
  add("policy", absl::StrJoin(flags.policies, ", "));
  add("fetch", flags.fetch ? absl::StrCat("over the ", flags.phases.kv_link, " link") : "no");
  add("schedulers", absl::StrCat(flags.schedulers));
  add("staleness", FormatDuration(flags.staleness));
  if (flags.schedulers > 1) add("ask-wait", FormatDuration(flags.ask_wait));
  add("link-delay", FormatDuration(flags.link_delay));
  add("slo-ttft", TargetText(flags.target.ttft));
  add("slo-tpot", TargetText(flags.target.tpot));
  add("attainment", absl::StrFormat("%g", flags.attainment));
  add("seeds", absl::StrCat(flags.seeds, ", from ", flags.trace.seed));
  add("host-overhead", absl::StrFormat("%g ms a step", profile.host_overhead_ms));
  for (size_t i = 0; i < kKvLinks; ++i) {
    add(absl::StrCat(NameOf(static_cast<KvLink>(i)), " link"), LinkText(profile.links[i]));
  }
  return all;
}

}  // namespace cairn
