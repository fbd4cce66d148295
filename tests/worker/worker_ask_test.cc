// What a worker answers to who asks what a request would find.
#include <catch2/catch.hpp>
#include <vector>

#include "kvstore/block/block_chain.h"
#include "tests/worker/worker_house.h"

namespace cairn {
namespace {

// About a prompt of so many tokens, with a mark at each of its blocks of 4.
Ask QuestionAbout(uint64_t id, int prompt, TokenId first = 10) {
  BlockChain chain({.model = {}, .salt = "", .block_tokens = 4});
  chain.Append(Worker::Request(id, prompt, 1, first).prompt);
  Ask ask{.request = RequestId(id), .marks = {}};
  for (uint32_t block = 0; block < chain.full_blocks(); ++block) {
    ask.marks.push_back({block + 1, chain.key(block).high, chain.key(block).low});
  }
  return ask;
}

AskAnswered AnswerOf(Worker& worker, const Ask& ask) {
  worker.Tell(ask);
  std::vector<AskAnswered> answers;
  for (WorkerAction& action : worker.core.TakeActions()) {
    if (const auto* send = std::get_if<SendReport>(&action)) {
      answers.push_back(std::get<AskAnswered>(send->report));
    } else {
      worker.step = std::move(std::get<RunStep>(action).plan);
    }
  }
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].request == ask.request);
  return answers[0];
}

TEST_CASE("who asks hears at once, in the middle of a step, what is left and what would be found") {
  Worker worker;
  CHECK(AnswerOf(worker, QuestionAbout(9, 40)).blocks == 0);
  worker.Assign(Worker::Request(1, 30, 1));
  REQUIRE(worker.step.has_value());
  worker.Tell(Assign{Worker::Request(2, 30, 1, 50)});
  const AskAnswered answer = AnswerOf(worker, QuestionAbout(9, 40));
  CHECK(answer.prefill_tokens_left == 60);
  CHECK(answer.blocks == 7);  // of the one that is being computed
  CHECK(AnswerOf(worker, QuestionAbout(9, 13)).blocks == 3);
  CHECK(AnswerOf(worker, QuestionAbout(9, 40, 50)).blocks == 7);  // of the one that waits
  CHECK(AnswerOf(worker, QuestionAbout(9, 40, 51)).blocks == 0);
  CHECK(AnswerOf(worker, {.request = RequestId(9), .marks = {{}}}).blocks == 0);  // of no block
  worker.RunAll();
  CHECK(AnswerOf(worker, QuestionAbout(9, 40)).blocks == 7);  // in the store now
  CHECK(AnswerOf(worker, QuestionAbout(9, 40)).prefill_tokens_left == 0);
}

TEST_CASE("what was cancelled before it was computed is not promised any more") {
  Worker worker;
  worker.Assign(Worker::Request(1, 12, 1));
  worker.Tell(Assign{Worker::Request(2, 30, 1, 50)});
  CHECK(AnswerOf(worker, QuestionAbout(9, 40, 50)).blocks == 7);
  worker.Tell(Cancel{RequestId(2)});
  worker.Act();
  CHECK(AnswerOf(worker, QuestionAbout(9, 40, 50)).blocks == 0);
  worker.RunAll();
}

}  // namespace
}  // namespace cairn
