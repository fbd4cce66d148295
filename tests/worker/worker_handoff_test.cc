#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "tests/worker/worker_house.h"

namespace cairn {
namespace {

TEST_CASE("a request that comes from elsewhere goes on behind what it has said") {
  Worker worker;
  GenerationRequest request = Worker::Request(1, 10, 8);
  request.min_tokens = 5;
  worker.tokens[{RequestId(1), 0}] = 3;  // the next position to be heard
  worker.Tell(Assign{request, {{.tokens = {1, 2, 3}}}});
  worker.Act();
  REQUIRE(worker.step->spans.size() == 1);
  const StepSpan& span = worker.step->spans[0];
  CHECK(span.tokens.size() == 13);  // nothing is cached: prompt and output are computed
  REQUIRE(span.samples.size() == 1);
  CHECK(span.samples[0].position == 13);
  CHECK(span.samples[0].prompt.size() == 10);
  CHECK(std::ranges::equal(span.samples[0].output, std::vector<TokenId>{1, 2, 3}));
  CHECK_FALSE(span.samples[0].forbidden.empty());  // min_tokens counts what was said before
  worker.RunAll();
  CHECK(worker.usage.at(RequestId(1)).prompt_tokens == 10);
  CHECK(worker.TokensOf(1) == 8);
  CHECK(worker.choices.at({RequestId(1), 0}).tokens == 8);
  CHECK(worker.ReasonOf(1) == FinishReason::kLength);
}

TEST_CASE("choices that come from elsewhere share the prompt again and keep their own pasts") {
  Worker worker;
  GenerationRequest request = Worker::Request(1, 16, 6);
  request.choices = 4;
  request.sampling.seed = 100;
  worker.tokens[{RequestId(1), 1}] = 2;
  worker.tokens[{RequestId(1), 3}] = 6;
  worker.Tell(Assign{request,
                     {{.tokens = {}},
                      {.tokens = {4, 5}},
                      {.tokens = {6}, .ended = true},
                      {.tokens = {1, 2, 3, 4, 5, 6}}}});
  worker.Act();
  CHECK(worker.ReasonOf(1, 3) == FinishReason::kLength);  // only its end was lost
  uint64_t computed = 0;
  while (worker.step) {
    for (const StepSpan& span : worker.step->spans) {
      computed += span.tokens.size();
      for (const SampleRequest& sample : span.samples)
        CHECK((sample.seed == 100 || sample.seed == 101));
    }
    worker.FinishStep();
  }
  CHECK(computed < 2 * 16 + 12);  // the prompt was not computed twice
  CHECK(worker.TokensOf(1, 0) == 6);
  CHECK(worker.TokensOf(1, 1) == 6);
  CHECK_FALSE(worker.choices.contains({RequestId(1), 2}));
  CHECK(worker.ended.contains(RequestId(1)));
  CHECK(worker.core.idle());
}

// What is read behind the sealed blocks has no key to be compared by.
BlocksAsked QuestionForTail(uint64_t id) {
  return {.from = {NodeId(2), Epoch(1)},
          .fetch = FetchId(1),
          .range = {.request = RequestId(id), .first = 2, .blocks = 0, .partial_tokens = 2},
          .keys = {}};
}

TEST_CASE("a request that is given up before it began lends nothing of one that had its number") {
  Worker worker(6);
  worker.Tell(Assign{.request = Worker::Request(1, 10, 8), .yields = true});
  worker.Act();
  worker.FinishStep();  // two blocks and a half are lent
  worker.Tell(QuestionForTail(1));
  worker.Act();
  worker.Tell(BlocksSent{worker.ToPeer<SendBlocks>().id});

  // Its scheduler has restarted and begun to count anew: the same number, another prompt.
  worker.tokens.clear();
  worker.Assign(Worker::Request(1, 24, 8, 50));
  REQUIRE_FALSE(worker.step.has_value());  // no room beside what is lent
  worker.Tell(Yield{RequestId(1)});
  worker.Tell(QuestionForTail(1));
  worker.Act();
  worker.ToPeer<RefuseBlocks>();
  CHECK(worker.core.idle());
}

}  // namespace
}  // namespace cairn
