#include "worker/core/request_check.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

const WorkerLimits kLimits = {.vocabulary_size = 100, .context_length = 64, .choices_max = 4};
const StoreLimits kStore = {.block_tokens = 16, .device = {.slots = 100}};

GenerationRequest Request(size_t prompt, uint32_t max_tokens) {
  GenerationRequest request;
  request.prompt.assign(prompt, 1);
  request.max_tokens = max_tokens;
  return request;
}

TEST_CASE("what fits is let in, and its length is brought down to the context") {
  CHECK_FALSE(Refusal(Request(63, 1000), kLimits, kStore).has_value());
  CHECK(Fitted(Request(60, 1000), 64).max_tokens == 4);
  CHECK(Fitted(Request(10, 20), 64).max_tokens == 20);
  GenerationRequest eager = Request(60, 1000);
  eager.min_tokens = 50;
  CHECK(Fitted(eager, 64).min_tokens == 4);
}

TEST_CASE("what can never run is refused in words") {
  CHECK(*Refusal(Request(0, 1), kLimits, kStore) == "the prompt has no tokens");
  CHECK(*Refusal(Request(64, 1), kLimits, kStore) ==
        "the prompt has 64 tokens and leaves no room in the context of 64");
  GenerationRequest strange = Request(3, 1);
  strange.prompt[2] = 100;
  CHECK(*Refusal(strange, kLimits, kStore) ==
        "prompt token 2 is 100, outside the vocabulary of 100");
  strange.prompt[2] = -1;
  CHECK(Refusal(strange, kLimits, kStore).has_value());
  GenerationRequest many = Request(3, 1);
  many.choices = 5;
  CHECK(Refusal(many, kLimits, kStore).has_value());
  many.choices = 0;
  CHECK(Refusal(many, kLimits, kStore).has_value());
}

TEST_CASE("what a request said elsewhere must fit it") {
  GenerationRequest two = Request(3, 5);
  two.choices = 2;
  CHECK_FALSE(ResumeRefusal(Assign{two}, kLimits).has_value());
  CHECK_FALSE(ResumeRefusal(Assign{two, {{.tokens = {1}}, {.tokens = {}}}}, kLimits).has_value());
  CHECK(*ResumeRefusal(Assign{two, {{.tokens = {1}}}}, kLimits) ==
        "the request resumes 1 choices of 2");
  CHECK(*ResumeRefusal(Assign{two, {{.tokens = {1}}, {.tokens = {100}}}}, kLimits) ==
        "resumed token 100 is outside the vocabulary of 100");
}

TEST_CASE("a small KV budget is the context's other end") {
  const StoreLimits small = {.block_tokens = 16, .device = {.slots = 2}};
  CHECK(ContextLimit(kLimits, small) == 33);
  CHECK_FALSE(Refusal(Request(32, 5), kLimits, small).has_value());
  CHECK(*Refusal(Request(33, 5), kLimits, small) ==
        "the prompt has 33 tokens, but the KV budget holds 32; give the worker more memory for KV");
}

}  // namespace
}  // namespace cairn
