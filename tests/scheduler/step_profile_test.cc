// Profiles of step costs as files.
#include "scheduler/simulator/step_profile.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

namespace cairn {
namespace {

constexpr char kGood[] = R"(name: mine
source: measured
hardware: "2 x box"
model: small
gpus: 2
kv_bytes_per_token: 1000
kv_tokens: 5000
host_overhead_ms: 1.5
mixed_steps: roofline
prefill: {fixed_ms: 1, token_ms: 0.1, pair_ms: 1e-6}
decode:
  fixed_ms: 2
  sequence_ms: 0.2
  context_token_ms: 1e-5
links:
  dram: {gigabytes_per_s: 20, call_us: 5}
)";

std::string Changed(const std::string& from, const std::string& to) {
  std::string text = kGood;
  text.replace(text.find(from), from.size(), to);
  return std::string(ParseStepProfile(text, "p.yaml").status().message());
}

TEST_CASE("a profile is read field by field") {
  const StepProfile profile = ParseStepProfile(kGood, "p.yaml").value();
  CHECK(profile.name == "mine");
  CHECK(profile.gpus == 2);
  CHECK(profile.kv_tokens == 5000);
  CHECK(profile.prefill_pair_ms == 1e-6);
  CHECK(profile.decode_sequence_ms == 0.2);
  CHECK(profile.mix == StepMix::kRoofline);
  CHECK(profile.links[static_cast<size_t>(KvLink::kDram)].gigabytes_per_s == 20);
  CHECK(profile.links[static_cast<size_t>(KvLink::kPeer)].gigabytes_per_s == 0);
}

TEST_CASE("what is written is read back") {
  for (const std::string& name : BuiltInProfiles()) {
    const StepProfile profile = FindStepProfile(name).value();
    const std::string text = FormatStepProfile(profile);
    INFO(text);
    const absl::StatusOr<StepProfile> back = ParseStepProfile(text, "p.yaml");
    REQUIRE(back.ok());
    CHECK(FormatStepProfile(*back) == text);
    CHECK(back->source == profile.source);
  }
}

TEST_CASE("wrong fields are named with file and line") {
  CHECK(Changed("gpus: 2", "gpus: two") == "p.yaml:5: gpus: not a whole number from 1 to 1000000");
  CHECK(Changed("gpus: 2\n", "") == "p.yaml:1: gpus: is missing");
  CHECK(Changed("gpus: 2", "gpus: 2\ncolour: red") == "p.yaml:6: colour: no such field");
  CHECK(Changed("roofline", "both") == "p.yaml:1: mixed_steps: neither roofline nor sum");
  CHECK(Changed("sequence_ms: 0.2", "sequence_ms: -1") ==
        "p.yaml:13: decode.sequence_ms: not a number from 0 to 1000");
  CHECK(Changed("token_ms: 0.1, ", "") == "p.yaml:10: prefill.token_ms: is missing");
  CHECK(Changed("call_us: 5", "call_us: nan") ==
        "p.yaml:16: links.dram.call_us: not a number from 0 to 1e+09");
  CHECK(Changed("dram:", "tape:") == "p.yaml:16: links.tape: no such field");
  CHECK(Changed("name: mine", "name: [") != "");
  CHECK(std::string(ParseStepProfile("", "p.yaml").status().message()).find("p.yaml:") == 0);
  CHECK_FALSE(ParseStepProfile("7", "p.yaml").ok());
}

TEST_CASE("the profiles that come with Cairn are good, and named as their files") {
  const std::vector<std::string> names = BuiltInProfiles();
  CHECK(std::is_sorted(names.begin(), names.end()));
  for (const std::string& name : names) {
    const absl::StatusOr<StepProfile> profile = FindStepProfile(name);
    INFO(name << ": " << profile.status());
    REQUIRE(profile.ok());
    CHECK(profile->name == name);
    const StepCost cost(*profile);
    CHECK(cost.Prefill(1000, 0) > Duration());
    CHECK(cost.Transfer(KvLink::kNetwork, 1 << 20, 1) < Seconds(1));
  }
  // NOTES of the public timings: Llama-3.1-8B on an H100, bf16.
  const StepProfile h100 = FindStepProfile("h100-llama-3.1-8b").value();
  CHECK(h100.prefill_token_ms == Approx(0.01835).epsilon(0.001));
  CHECK(std::string(FindStepProfile("h1000").status().message()).find("no profile 'h1000'") == 0);
}

}  // namespace
}  // namespace cairn
