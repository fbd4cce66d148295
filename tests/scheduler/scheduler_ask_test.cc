// Asking workers before a request is placed: who is asked, how long answers are waited for, and
// what they change.
#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "scheduler/core/scheduler_core.h"
#include "tests/scheduler/first_load.h"

namespace cairn {
namespace {

constexpr Epoch kEpoch{1};

// 1,000 tokens, in blocks of 16.
GenerationRequest PromptOf(uint64_t id) {
  GenerationRequest request;
  request.id = RequestId(id);
  for (TokenId i = 0; i < 1000; ++i) request.prompt.push_back(static_cast<TokenId>(1000 * id) + i);
  return request;
}

SchedulerLimits Asking(PolicyKind policy = PolicyKind::kMinTtft) {
  SchedulerLimits limits;
  limits.routing.policy = policy;
  ShareWorkers(limits, Milliseconds(5));
  return limits;
}

// A scheduler, and what it told its workers.
struct Desk {
  explicit Desk(uint32_t workers, const SchedulerLimits& limits = Asking()) : core(limits) {
    for (uint32_t i = 1; i <= workers; ++i) {
      Do(WorkerJoined{NodeId(i), kEpoch});
      Do(WorkerReported{NodeId(i), kEpoch, FirstLoad(1000)});
    }
  }
  void Do(const SchedulerEvent& event) {
    core.Handle(event, now);
    for (SchedulerAction& action : core.TakeActions()) {
      auto* send = std::get_if<SendAssignment>(&action);
      if (send == nullptr) continue;
      if (auto* ask = std::get_if<Ask>(&send->assignment)) asked[send->worker] = *ask;
      if (auto* assign = std::get_if<Assign>(&send->assignment)) {
        placed[assign->request.id.value()] = send->worker;
      }
    }
  }
  void Submit(uint64_t id) { Do(RequestSubmitted{PromptOf(id)}); }
  void Answer(uint32_t worker, uint64_t id, uint64_t tokens_left, uint32_t blocks = 0) {
    Do(WorkerReported{NodeId(worker), kEpoch,
                      AskAnswered{RequestId(id), tokens_left, blocks, /*steps=*/1}});
  }

  Instant now = Instant() + Seconds(1);
  SchedulerCore core;
  std::map<NodeId, Ask> asked;  // of each worker the last
  std::map<uint64_t, NodeId> placed;
};

TEST_CASE("a request goes where answers say that it is first done, not where old words do") {
  Desk desk(3);
  desk.Submit(1);
  CHECK(desk.asked.size() == 3);
  CHECK(desk.placed.empty());
  CHECK(desk.core.queued_requests() == 1);
  desk.Answer(1, 1, 900);
  desk.Answer(2, 1, 500);
  CHECK(desk.placed.empty());  // one is awaited
  desk.Answer(3, 1, 700);
  CHECK(desk.placed.at(1) == NodeId(2));
  CHECK(desk.core.asking_requests() == 0);
  CHECK(desk.core.counts().asks == 1);
  CHECK(desk.core.counts().asks_late == 0);
}

TEST_CASE("what a worker is about to compute counts as there for who asked") {
  Desk desk(2);
  desk.Submit(1);
  desk.Answer(1, 1, 100);
  desk.Answer(2, 1, 500, 60);
  CHECK(desk.placed.at(1) == NodeId(2));
  CHECK(desk.core.workers().at(NodeId(2)).unprefilled_tokens == 40);
}

TEST_CASE("a question has marks of the whole prompt, at most 32") {
  Desk desk(2);
  desk.Submit(1);  // 62 full blocks
  const std::vector<PrefixMark>& marks = desk.asked.at(NodeId(1)).marks;
  REQUIRE(marks.size() == 32);
  CHECK(marks.front().blocks == 1);
  CHECK(marks.back().blocks == 62);
  for (size_t i = 1; i < marks.size(); ++i) CHECK(marks[i].blocks > marks[i - 1].blocks);
}

TEST_CASE("answers are waited for so long and no longer") {
  Desk desk(2);
  desk.Submit(1);
  desk.Answer(2, 1, 500);
  REQUIRE(desk.core.NextDeadline() == desk.now + Milliseconds(5));
  desk.now = desk.now + Milliseconds(5) - Nanoseconds(1);
  desk.Do(TimePassed{});
  CHECK(desk.placed.empty());
  desk.now = desk.now + Nanoseconds(1);
  desk.Do(TimePassed{});
  CHECK(desk.placed.at(1) == NodeId(1));  // of which nothing was heard
  CHECK(desk.core.counts().asks_late == 1);
  CHECK_FALSE(desk.core.NextDeadline().has_value());
  // What comes late still says how busy the worker was.
  desk.Answer(1, 1, 5000);
  CHECK(desk.core.workers().at(NodeId(1)).backlog.Estimate(desk.now, Microseconds(100)) >= 5000);
}

TEST_CASE("a load that was said before an answer and comes after it changes nothing") {
  Desk desk(2);
  desk.Submit(1);
  desk.Answer(1, 1, 700);
  desk.Do(WorkerReported{NodeId(1), kEpoch, FirstLoad(1000)});  // of the same step: nothing left
  desk.Answer(2, 1, 500);
  CHECK(desk.placed.at(1) == NodeId(2));
}

TEST_CASE("who is lost is not waited for, and what it said is forgotten") {
  Desk desk(3);
  desk.Submit(1);
  desk.Answer(1, 1, 300);
  desk.Answer(2, 1, 0, 60);
  desk.Do(WorkerLost{NodeId(2), kEpoch});
  CHECK(desk.placed.empty());
  desk.Do(WorkerLost{NodeId(3), kEpoch});
  CHECK(desk.placed.at(1) == NodeId(1));
}

TEST_CASE("a wait that is over is over when nobody is left to go to, and no timer rings again") {
  Desk desk(2);
  desk.Submit(1);
  desk.Do(WorkerLost{NodeId(1), kEpoch});
  desk.Do(WorkerLost{NodeId(2), kEpoch});
  desk.now = desk.core.NextDeadline().value_or(desk.now);
  desk.Do(TimePassed{});
  CHECK_FALSE(desk.core.NextDeadline().has_value());
  CHECK(desk.core.queued_requests() == 1);
  desk.Do(WorkerJoined{NodeId(3), kEpoch});
  CHECK(desk.placed.at(1) == NodeId(3));
  CHECK(desk.core.asking_requests() == 0);
}

TEST_CASE("a request that is cancelled while answers are awaited leaves nothing behind") {
  Desk desk(2);
  desk.Submit(1);
  desk.Do(RequestCancelled{RequestId(1)});
  CHECK(desk.core.live_requests() == 0);
  CHECK(desk.core.asking_requests() == 0);
  CHECK_FALSE(desk.core.NextDeadline().has_value());
  desk.Answer(1, 1, 0);
  desk.Answer(2, 1, 0);
  CHECK(desk.placed.empty());
}

TEST_CASE("nobody is asked where there is no choice, and by no policy that does not look") {
  Desk alone(1);
  alone.Submit(1);
  CHECK(alone.asked.empty());
  CHECK(alone.placed.contains(1));
  Desk turns(3, Asking(PolicyKind::kRoundRobin));
  turns.Submit(1);
  CHECK(turns.asked.empty());
  CHECK(turns.placed.contains(1));
  Desk deaf(3, SchedulerLimits());
  deaf.Submit(1);
  CHECK(deaf.asked.empty());
}

TEST_CASE("no more are asked of one request than the limit, and not always the same") {
  SchedulerLimits limits = Asking();
  limits.asks_max = 2;
  Desk desk(6, limits);
  std::map<NodeId, Ask> ever;
  for (uint64_t id = 1; id <= 6; ++id) {
    desk.asked.clear();
    desk.Submit(id);
    CHECK(desk.asked.size() == 2);
    ever.insert(desk.asked.begin(), desk.asked.end());
  }
  CHECK(ever.size() == 6);
}

}  // namespace
}  // namespace cairn
