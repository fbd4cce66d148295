#include "worker/core/worker_core.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/worker/worker_house.h"

namespace cairn {
namespace {

TEST_CASE("a request is prefilled in chunks, decoded to its length, and leaves nothing but cache") {
  Worker worker;
  worker.Assign(Worker::Request(1, 40, 5));
  CHECK(worker.step->spans[0].tokens.size() == 16);
  CHECK(worker.step->spans[0].samples.empty());
  worker.FinishStep();
  worker.FinishStep();
  CHECK(worker.step->spans[0].first_position == 32);
  CHECK(worker.step->spans[0].samples.size() == 1);
  CHECK(worker.step->spans[0].samples[0].position == 40);
  worker.RunAll();
  CHECK(worker.TokensOf(1) == 5);
  CHECK(worker.ReasonOf(1) == FinishReason::kLength);
  CHECK(worker.core.load().device_slots_free == 64);
}

TEST_CASE("the same prompt again computes its last token only") {
  Worker worker;
  worker.Assign(Worker::Request(1, 40, 1));
  worker.RunAll();
  worker.Assign(Worker::Request(2, 40, 1));
  REQUIRE(worker.step->spans.size() == 1);
  CHECK(worker.step->spans[0].first_position == 39);
  CHECK(worker.step->spans[0].tokens.size() == 1);
  CHECK(worker.step->copies.size() == 1);  // the last block is not written in place
  worker.RunAll();
  CHECK(worker.usage.at(RequestId(2)).cached_device_tokens == 39);
  worker.Assign(Worker::Request(3, 42, 1));
  CHECK(worker.step->spans[0].first_position == 40);
  CHECK(worker.step->copies.empty());
  worker.RunAll();
}

TEST_CASE("the next turn of a talk finds what the last one generated") {
  Worker worker;
  worker.Assign(Worker::Request(1, 10, 7));
  worker.RunAll();
  GenerationRequest next = Worker::Request(2, 10, 1);
  for (int i = 0; i < 7; ++i) next.prompt.push_back(7);
  next.prompt.push_back(20);
  worker.Assign(next);
  worker.RunAll();
  CHECK(worker.usage.at(RequestId(2)).cached_device_tokens == 16);
}

TEST_CASE("requests with different salts share nothing") {
  Worker worker;
  worker.Assign(Worker::Request(1, 40, 1));
  worker.RunAll();
  GenerationRequest other = Worker::Request(2, 40, 1);
  other.cache_salt = "private";
  worker.Assign(other);
  worker.RunAll();
  CHECK(worker.usage.at(RequestId(2)).cached_tokens() == 0);
}

TEST_CASE("two requests with one prompt at one time compute it once") {
  Worker worker;
  worker.Tell(Assign{Worker::Request(1, 48, 1)});
  worker.Tell(Assign{Worker::Request(2, 48, 1)});
  worker.Act();
  uint64_t tokens = 0;
  while (worker.step) {
    for (const StepSpan& span : worker.step->spans) tokens += span.tokens.size();
    worker.FinishStep();
  }
  CHECK(tokens <= 48 + 4);
  CHECK(worker.usage.at(RequestId(2)).cached_device_tokens >= 44);
}

TEST_CASE("n choices share the prompt, copy its partial block, and draw by their own seeds") {
  Worker worker;
  worker.say = {{100, 1}, {101, 2}, {102, kStop}};
  GenerationRequest request = Worker::Request(1, 10, 3);
  request.choices = 3;
  request.sampling.seed = 100;
  worker.Assign(request);
  REQUIRE(worker.step->spans.size() == 1);
  CHECK(worker.step->spans[0].samples.size() == 3);
  worker.FinishStep();
  REQUIRE(worker.step->spans.size() == 2);
  CHECK(worker.step->copies.size() == 1);
  const StepSpan& one = worker.step->spans[0];
  const StepSpan& two = worker.step->spans[1];
  CHECK(one.table[1] == two.table[1]);
  CHECK(one.table[2] != two.table[2]);
  CHECK(worker.ReasonOf(1, 2) == FinishReason::kStop);
  CHECK(worker.choices.at({RequestId(1), 2}).tokens == 1);
  CHECK(worker.TokensOf(1, 2) == 0);
  worker.RunAll();
  CHECK(worker.TokensOf(1, 0) == 3);
  CHECK(worker.TokensOf(1, 1) == 3);
}

TEST_CASE("a stop token ends a choice unreported; before min_tokens it is forbidden") {
  Worker worker;
  worker.say = {{0, kStop}};
  GenerationRequest request = Worker::Request(1, 10, 20);
  request.min_tokens = 4;
  worker.Assign(request);
  worker.RunAll();
  CHECK(worker.TokensOf(1) == 4);
  CHECK(worker.ReasonOf(1) == FinishReason::kStop);
  CHECK(worker.choices.at({RequestId(1), 0}).tokens == 5);
  request = Worker::Request(2, 10, 20);
  request.ignore_eos = true;
  worker.Assign(request);
  worker.RunAll();
  CHECK(worker.TokensOf(2) == 20);
}

TEST_CASE("a cancel during a step ends everything at its end; one outside at once") {
  Worker worker;
  worker.Assign(Worker::Request(1, 30, 50));
  worker.Tell(Cancel{RequestId(1)});
  worker.Act();
  CHECK(worker.ended.empty());
  worker.FinishStep();
  CHECK(worker.ReasonOf(1) == FinishReason::kCancelled);
  CHECK(worker.core.idle());

  worker.Assign(Worker::Request(2, 30, 50, 50));
  worker.Tell(Assign{Worker::Request(3, 30, 50)});
  worker.Tell(Cancel{RequestId(3)});
  worker.Act();
  CHECK(worker.ReasonOf(3) == FinishReason::kCancelled);
  worker.Tell(Cancel{RequestId(77)});
  worker.RunAll();
  CHECK(worker.TokensOf(2) == 50);
}

TEST_CASE("a stop string found above ends one choice and leaves the others") {
  Worker worker;
  GenerationRequest request = Worker::Request(1, 10, 10);
  request.choices = 2;
  worker.Assign(request);
  worker.FinishStep();
  worker.Tell(StopChoice{.request = RequestId(1), .choice = 0});
  worker.FinishStep();
  CHECK(worker.ReasonOf(1, 0) == FinishReason::kStop);
  worker.RunAll();
  CHECK(worker.TokensOf(1, 1) == 10);
}

TEST_CASE("running out of slots preempts the last to come, and it loses no token") {
  Worker worker(/*device=*/8);
  worker.Tell(Assign{Worker::Request(1, 12, 16)});
  worker.Tell(Assign{Worker::Request(2, 8, 16, 50)});
  worker.Act();
  worker.RunAll();
  CHECK(worker.TokensOf(1) == 16);
  CHECK(worker.TokensOf(2) == 16);
  CHECK(worker.ended.at(RequestId(1)).preemptions == 0);
  CHECK(worker.ended.at(RequestId(2)).preemptions > 0);
}

TEST_CASE("a better priority takes the place of a worse one, an equal one waits") {
  Worker worker(/*device=*/6);
  worker.Assign(Worker::Request(1, 20, 4));
  worker.Tell(Assign{Worker::Request(2, 20, 4, 40)});
  GenerationRequest urgent = Worker::Request(3, 20, 4, 70);
  urgent.priority = -1;
  worker.Tell(Assign{urgent});
  worker.Act();
  worker.RunAll();
  CHECK(worker.ended.at(RequestId(1)).preemptions == 1);
  CHECK(worker.ended.at(RequestId(2)).preemptions == 0);
  CHECK(worker.ended.at(RequestId(3)).preemptions == 0);
}

TEST_CASE("whose first token is due sooner goes first, and who has waited long enough is due") {
  Worker worker;
  worker.Assign(Worker::Request(1, 40, 1));  // its step runs while the others come
  const auto comes = [&worker](uint64_t id, Duration target, Instant at) {
    GenerationRequest request = Worker::Request(id, 12, 1, static_cast<TokenId>(id * 12));
    request.slo.ttft = target;
    worker.core.Handle(Assign{request}, at);
  };
  comes(2, Seconds(5), Instant());
  comes(3, Seconds(1), Instant() + Seconds(1));
  comes(4, Duration(), Instant() + Seconds(1));
  comes(5, Seconds(1), Instant() + Seconds(4) + Milliseconds(1));
  std::vector<RequestId> order;
  while (worker.step) {
    worker.FinishStep();
    for (const auto& [id, end] : worker.ended) {
      if (std::ranges::find(order, id) == order.end()) order.push_back(id);
    }
  }
  using Order = std::vector<RequestId>;
  CHECK(order == Order{RequestId(3), RequestId(2), RequestId(5), RequestId(1), RequestId(4)});
}

TEST_CASE("a prompt demoted to DRAM is brought back and counted as cached there") {
  Worker worker(/*device=*/8, /*dram=*/16);
  worker.Assign(Worker::Request(1, 24, 1));
  worker.RunAll();
  worker.Assign(Worker::Request(2, 28, 1, 50));
  worker.RunAll();
  worker.Assign(Worker::Request(3, 24, 1));
  worker.RunAll();
  CHECK(worker.usage.at(RequestId(3)).cached_dram_tokens > 0);
  CHECK(worker.usage.at(RequestId(3)).cached_tokens() >= 20);
  CHECK(worker.core.load().blocks_promoted > 0);
}

TEST_CASE("a failed step is tried again; the same failure twice fails those that were in it") {
  Worker worker;
  worker.Assign(Worker::Request(1, 10, 3));
  worker.FailStep();
  CHECK(worker.ended.empty());
  worker.FinishStep();
  worker.RunAll();
  CHECK(worker.TokensOf(1) == 3);
  worker.Assign(Worker::Request(2, 10, 3, 60));
  worker.FailStep();
  worker.FailStep();
  CHECK(worker.ReasonOf(2) == FinishReason::kFailed);
  CHECK(worker.choices.at({RequestId(2), 0}).message == "the engine failed 2 times: no current");
  CHECK(worker.core.idle());
}

TEST_CASE("what is found after a failed step does not count as cached: it may be one's own") {
  Worker worker;
  worker.Assign(Worker::Request(1, 32, 1));
  worker.FailStep();
  GenerationRequest better = Worker::Request(2, 32, 1);  // the same prompt, and goes first
  better.priority = -1;
  worker.Assign(better);
  worker.RunAll();
  CHECK(worker.usage.at(RequestId(1)).cached_tokens() == 0);
  CHECK(worker.usage.at(RequestId(2)).cached_tokens() == 16);  // of the first one's second try
  CHECK(worker.ended.size() == 2);
}

TEST_CASE("a sequence that the engine cannot bear fails alone") {
  Worker worker;
  for (uint64_t id : {1, 2, 3})
    worker.Assign(Worker::Request(id, 5, 4, static_cast<TokenId>(id * 10)));
  const auto has_second = [&] {
    return std::ranges::any_of(worker.step->spans, [](const StepSpan& span) {
      return std::ranges::find(span.tokens, 24) != span.tokens.end();  // only request 2's prompt
    });
  };
  for (int i = 0; i < 100 && worker.step; ++i) {
    if (has_second()) {
      worker.FailStep();
    } else {
      worker.FinishStep();
    }
  }
  CHECK(worker.core.idle());
  CHECK(worker.ReasonOf(2) == FinishReason::kFailed);
  for (uint64_t id : {1, 3}) {
    CHECK(worker.ReasonOf(id) == FinishReason::kLength);
    CHECK(worker.TokensOf(id) == 4);
  }
}

TEST_CASE("a request that can never run fails with a reason and disturbs nobody") {
  Worker worker;
  worker.Assign(Worker::Request(1, 0, 3));
  CHECK(worker.choices.at({RequestId(1), 0}).message == "the prompt has no tokens");
  GenerationRequest many = Worker::Request(2, 10, 3);
  many.choices = 4'000'000'000;
  worker.Assign(many);
  CHECK(worker.ended.contains(RequestId(2)));
  CHECK(worker.core.idle());
}

TEST_CASE("the load says what there is") {
  Worker worker(/*device=*/64, /*dram=*/8);
  worker.Tell(Assign{Worker::Request(1, 40, 5)});
  for (uint64_t id = 2; id < 14; ++id) worker.Tell(Assign{Worker::Request(id, 20, 5, 60)});
  worker.Act();
  const WorkerLoad load = worker.core.load();
  CHECK(load.requests_running + load.requests_waiting == 13);
  CHECK(load.requests_running >= 1);
  CHECK(load.prefill_tokens_left == 40 + 12 * 20);
  CHECK(load.device_slots == 64);
  CHECK(load.dram_slots == 8);
  worker.RunAll();
  CHECK(worker.core.load().prefill_tokens_left == 0);
  CHECK(worker.core.load().busy ==
        Milliseconds(3 * static_cast<int64_t>(worker.core.load().steps)));
  CHECK(worker.core.load().lookup_tokens == 40 + 12 * 20);
}

TEST_CASE("what waits counts in the load only with what is not in the store") {
  Worker worker(/*device=*/64, /*dram=*/0);
  worker.Assign(Worker::Request(1, 40, 1));
  worker.RunAll();
  worker.Tell(Assign{Worker::Request(2, 40, 1)});  // the same prompt, in blocks of 4
  CHECK(worker.core.load().prefill_tokens_left == 4);
}

}  // namespace
}  // namespace cairn
