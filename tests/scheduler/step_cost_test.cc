// What steps and transfers cost.
#include "scheduler/simulator/step_cost.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

StepProfile Profile() {
  StepProfile profile;
  profile.prefill_fixed_ms = 4;
  profile.prefill_token_ms = 0.02;
  profile.prefill_pair_ms = 8e-7;
  profile.attention_tokens_min = 256;
  profile.decode_fixed_ms = 6;
  profile.decode_sequence_ms = 0.01;
  profile.decode_context_token_ms = 4e-5;
  profile.kv_bytes_per_token = 131072;
  profile.links[static_cast<size_t>(KvLink::kNetwork)] = {25, 20};
  return profile;
}

TEST_CASE("a prefill costs a fixed part, a part for each token and one for each pair") {
  const StepCost cost(Profile());
  // 4 + 0.02 * 1000 + 8e-7 * 1000 * 500 ms
  CHECK(cost.Prefill(1000, 0) == Nanoseconds(24'400'000));
  // ... and 8e-7 * 1000 * 10000 more
  CHECK(cost.Prefill(1000, 10'000) == Nanoseconds(32'400'000));
  CHECK(cost.Prefill(0, 10'000) == Duration());
}

TEST_CASE("a decode step costs a fixed part, a part for each sequence and one for its context") {
  const StepCost cost(Profile());
  CHECK(cost.Decode(10, 100'000) == Nanoseconds(10'100'000));
  CHECK(cost.Decode(0, 0) == Duration());
}

TEST_CASE("attention of a short chunk costs as much as that of 256 tokens") {
  const StepCost cost(Profile());
  // Weights are read anyhow: 6 ms. Attention: 8e-7 * 256 * (100000 + 8).
  CHECK(cost.Prefill(16, 100'000) == Nanoseconds(6'000'000 + 20'481'638));
}

TEST_CASE("a mixed step reads the weights once") {
  const StepCost cost(Profile());
  const std::vector<PrefillChunk> chunks = {{100, 0}, {412, 0}};
  const Duration mixed = cost.Step(chunks, 32, 32'000);
  CHECK(mixed > cost.Prefill(512, 0));
  CHECK(mixed < cost.Prefill(512, 0) + cost.Decode(32, 32'000));
  // A few tokens more fit under the roof of reading the weights.
  const PrefillChunk few{8, 0};
  CHECK((cost.Step({&few, 1}, 8, 8'000) - cost.Decode(8, 8'000)) < Microseconds(10));
}

TEST_CASE("a profile that was published as a sum is added up") {
  StepProfile profile = Profile();
  profile.mix = StepMix::kSum;
  profile.prefill_fixed_ms = profile.decode_fixed_ms = 16;
  profile.prefill_token_ms = 0.15;
  profile.prefill_pair_ms = 0;
  profile.decode_sequence_ms = 0.05;
  profile.decode_context_token_ms = 1.2e-4;
  const PrefillChunk chunk{512, 0};
  CHECK(StepCost(profile).Step({&chunk, 1}, 20, 10'000) ==
        Nanoseconds(16'000'000 + 512 * 150'000 + 20 * 50'000 + 10'000 * 120));
}

TEST_CASE("the host's overhead is paid once a step") {
  StepProfile profile = Profile();
  profile.host_overhead_ms = 2;
  const StepCost with(profile), without(Profile());
  const PrefillChunk chunk{512, 0};
  CHECK(with.Decode(5, 500) == without.Decode(5, 500) + Milliseconds(2));
  CHECK(with.Step({&chunk, 1}, 5, 500) == without.Step({&chunk, 1}, 5, 500) + Milliseconds(2));
  CHECK(with.Decode(0, 0) == Duration());
}

TEST_CASE("a step after a pause takes longer, and one right after another does not") {
  StepProfile profile = Profile();
  profile.wake_ms = 2.5;
  const StepCost cost(profile);
  CHECK(cost.Wake(Duration()) == Duration());
  CHECK(cost.Wake(StepCost::kPause) == Microseconds(2500));
  CHECK(StepCost(Profile()).Wake(Seconds(1)) == Duration());
}

TEST_CASE("more work never takes less time") {
  const StepCost cost(Profile());
  Duration before;
  for (uint32_t tokens = 1; tokens < 100'000; tokens += 37) {
    const Duration now = cost.Prefill(tokens, 5000);
    REQUIRE(now >= before);
    before = now;
  }
}

TEST_CASE("a transfer costs its calls and its bytes") {
  const StepCost cost(Profile());
  CHECK(cost.Transfer(KvLink::kNetwork, 25'000'000, 3) == Nanoseconds(1'000'000 + 60'000));
  // 100 tokens in 7 calls of up to 16
  CHECK(cost.TransferTokens(KvLink::kNetwork, 100, 16) ==
        cost.Transfer(KvLink::kNetwork, 100 * 131072, 7));
  CHECK(cost.Transfer(KvLink::kSsd, 1, 1) == StepCost::kNever);
}

TEST_CASE("prompts of a million tokens neither overflow nor take forever") {
  const StepCost cost(Profile());
  CHECK(cost.Prefill(1'000'000, 1'000'000).seconds() == Approx(1'220.004));
  CHECK(cost.Transfer(KvLink::kNetwork, UINT64_MAX, 1) <= StepCost::kNever);
}

}  // namespace
}  // namespace cairn
