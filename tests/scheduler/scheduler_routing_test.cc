// Routing as the scheduler core does it: lines, moves, the directory.
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <vector>

#include "kvstore/base/prng.h"
#include "kvstore/block/block_chain.h"
#include "scheduler/core/scheduler_core.h"
#include "tests/scheduler/first_load.h"

namespace cairn {
namespace {

constexpr Epoch kEpoch{1};

GenerationRequest MakePrompt(uint64_t id, TokenId family, size_t tokens) {
  GenerationRequest request;
  request.id = RequestId(id);
  for (size_t i = 0; i < tokens; ++i) request.prompt.push_back(family + static_cast<TokenId>(i));
  return request;
}

// A scheduler core, where its requests went, and what it wants to know again.
struct Desk {
  explicit Desk(uint32_t workers, SchedulerLimits limits = {}) : core(limits) {
    for (uint32_t i = 1; i <= workers; ++i) {
      Do(WorkerJoined{NodeId(i), kEpoch});
      WorkerLoad load = FirstLoad(1000);
      load.device_slots = 1000;
      Do(WorkerReported{NodeId(i), kEpoch, load});
    }
  }
  void Do(const SchedulerEvent& event) {
    core.Handle(event, now);
    for (SchedulerAction& action : core.TakeActions()) {
      if (auto* send = std::get_if<SendAssignment>(&action)) {
        if (auto* assign = std::get_if<Assign>(&send->assignment)) {
          went[assign->request.id.value()] = send->worker.value();
          targets[assign->request.id.value()] = assign->request.slo.ttft;
        }
      } else if (auto* ask = std::get_if<AskResync>(&action)) {
        asked.push_back(ask->request);
      }
    }
  }
  void Submit(uint64_t id, TokenId family, size_t tokens) {
    Do(RequestSubmitted{MakePrompt(id, family, tokens)});
  }
  void Prefilled(uint64_t id) {
    Do(WorkerReported{NodeId(went.at(id)), kEpoch, PrefillDone{RequestId(id), {}}});
  }
  void Ended(uint64_t id) {
    Do(WorkerReported{NodeId(went.at(id)), kEpoch,
                      ChoiceEnded{RequestId(id), 0, FinishReason::kLength, ""}});
    Do(WorkerReported{NodeId(went.at(id)), kEpoch, RequestEnded{RequestId(id), 0}});
  }

  SchedulerCore core;
  Instant now = Instant() + Seconds(100);
  std::map<uint64_t, uint32_t> went;
  std::map<uint64_t, Duration> targets;  // as workers were told
  std::vector<ResyncRequest> asked;
};

TEST_CASE("a conversation comes home to the worker that has its blocks") {
  Desk desk(8);
  for (TokenId family = 0; family < 10; ++family) {
    const uint64_t id = 1 + 10 * static_cast<uint64_t>(family);
    for (uint64_t turn = 0; turn < 4; ++turn) {
      desk.Submit(id + turn, 1000 * family, 600 + 100 * turn);
      CHECK(desk.went.at(id + turn) == desk.went.at(id));
      desk.Prefilled(id + turn);
      desk.Ended(id + turn);
    }
  }
  CHECK(desk.core.counts().hit_tokens_expected >= 10 * (592 + 688 + 784));
}

TEST_CASE("what is expected to be cached is not counted as work") {
  Desk desk(1);
  desk.Submit(1, 0, 1600);
  CHECK(desk.core.workers().at(NodeId(1)).unprefilled_tokens == 1600);
  desk.Prefilled(1);
  CHECK(desk.core.workers().at(NodeId(1)).unprefilled_tokens == 0);
  desk.Submit(2, 0, 1700);
  CHECK(desk.core.workers().at(NodeId(1)).unprefilled_tokens == 100);
}

TEST_CASE("what waits in a line will be there for who waits behind it") {
  SchedulerLimits limits;
  limits.unprefilled_requests_max = 1;
  Desk desk(1, limits);
  desk.Submit(1, 0, 1600);
  desk.Submit(2, 50'000, 1600);
  desk.Submit(3, 50'000, 1700);  // the same and 100 tokens more
  CHECK(desk.core.queued_requests() == 2);
  CHECK(desk.core.workers().at(NodeId(1)).queued_tokens == 1600 + 100);
  desk.Do(RequestCancelled{RequestId(3)});
  desk.Do(RequestCancelled{RequestId(2)});
  desk.Submit(4, 50'000, 1600);  // nobody will have computed it
  CHECK(desk.core.workers().at(NodeId(1)).queued_tokens == 1600);
}

TEST_CASE("what is refused at the door was sent nowhere, and counts against no worker") {
  SchedulerLimits limits;
  limits.live_requests_max = 1;
  Desk desk(2, limits), untroubled(2, limits);
  desk.Submit(1, 0, 100);
  untroubled.Submit(1, 0, 100);
  desk.Submit(2, 50'000, 1600);
  CHECK(desk.core.counts().shed == 1);
  for (Desk* each : {&desk, &untroubled}) {
    each->Ended(1);
    each->now = each->now + Seconds(2);  // when who was refused was told to come back
    each->Submit(3, 50'000, 1600);
  }
  CHECK(untroubled.went.at(3) != untroubled.went.at(1));
  CHECK(desk.went.at(3) == untroubled.went.at(3));
}

TEST_CASE("shorter prompts go first where that is asked for, and long ones in the end") {
  SchedulerLimits limits;
  limits.unprefilled_requests_max = 1;
  limits.shorter_first_percent = 300;
  Desk desk(1, limits);
  desk.Submit(1, 0, 1600);
  desk.Submit(2, 50'000, 3000);  // 300 ms: due 900 ms later than it is
  desk.now = desk.now + Milliseconds(100);
  desk.Submit(3, 90'000, 160);
  desk.now = desk.now + Seconds(1);
  desk.Submit(4, 120'000, 160);
  desk.Prefilled(1);
  CHECK(desk.went.contains(3));
  CHECK_FALSE(desk.went.contains(2));
  desk.Prefilled(3);
  CHECK(desk.went.contains(2));  // it has waited long enough
  CHECK_FALSE(desk.went.contains(4));
  // On the worker they yield as much.
  CHECK(desk.targets.at(2) - desk.targets.at(3) == Milliseconds(3 * (300 - 16)));
}

TEST_CASE("a short prompt does not wait in the line for a long one that it passes") {
  SchedulerLimits limits;
  limits.unprefilled_tokens_max = 1000;
  Desk desk(1, limits);
  desk.Submit(1, 0, 1600);
  desk.Submit(2, 50'000, 1500);
  CHECK(desk.went.contains(2));  // goes before the first
  desk.Submit(3, 90'000, 1550);
  CHECK_FALSE(desk.went.contains(3));  // behind the second
  desk.Submit(4, 120'000, 160);
  CHECK(desk.went.contains(4));
  desk.Prefilled(2);
  CHECK(desk.went.contains(3));
}

TEST_CASE("a worker is taken to hold no more than it has slots for") {
  SchedulerLimits limits;
  limits.block_tokens = 10;
  Desk desk(1, limits);
  for (TokenId family = 0; family < 30; ++family) {
    const uint64_t id = 1 + static_cast<uint64_t>(family);
    desk.Submit(id, 10'000 * family, 1000);
    desk.Prefilled(id);
  }
  CHECK(desk.core.directory().Coverage(NodeId(1), desk.now)->blocks_known == 1000);
}

TEST_CASE("an overloaded line gives requests to their other homes, and every one of them runs") {
  SchedulerLimits limits;
  limits.unprefilled_requests_max = 1;
  limits.routing.affinity_tokens = 1600;
  limits.routing.policy = PolicyKind::kDualMap;
  limits.routing.affinity_percent = 100;
  Desk desk(6, limits);
  const auto submit = [&desk](uint64_t id) {  // the first 1,600 tokens are the same
    GenerationRequest request = MakePrompt(id, 0, 9000);
    for (size_t i = 1600; i < 9000; ++i) request.prompt[i] += static_cast<TokenId>(1000 * id);
    desk.Do(RequestSubmitted{request});
  };
  submit(1);
  desk.Prefilled(1);  // from now on it is warm
  for (uint64_t id = 2; id <= 6; ++id) submit(id);
  const NodeId warm(desk.went.at(1));
  CHECK(desk.core.queued_requests() == 4);
  CHECK(desk.core.counts().moved == 0);
  WorkerLoad slow;  // it turns out to be ten times slower
  slow.last_step = Milliseconds(1000);
  slow.last_step_tokens = 1000;
  for (slow.steps = 2; slow.steps < 30; ++slow.steps) desk.Do(WorkerReported{warm, kEpoch, slow});
  desk.now = desk.now + Seconds(1);
  submit(7);
  CHECK(desk.core.counts().moved > 0);

  for (uint64_t id = 2; id <= 7; ++id) {
    for (uint64_t other = 2; other <= 7; ++other) {
      if (desk.went.contains(other)) desk.Prefilled(other);
    }
  }
  CHECK(desk.core.queued_requests() == 0);
  CHECK(desk.went.size() == 7);
  std::set<uint32_t> workers;
  for (const auto& [id, node] : desk.went) workers.insert(node);
  CHECK(workers.size() == 2);  // and only their homes
}

TEST_CASE("who waits for a worker that is lost waits for another one") {
  SchedulerLimits limits;
  limits.unprefilled_requests_max = 1;
  Desk desk(2, limits);
  for (uint64_t id = 1; id <= 6; ++id) desk.Submit(id, static_cast<TokenId>(50 * id), 200);
  CHECK(desk.core.queued_requests() == 4);
  desk.Do(WorkerLost{NodeId(1), kEpoch});
  CHECK(desk.core.queued_requests() == 5);
  CHECK(desk.core.workers().at(NodeId(2)).queued_tokens == 1000);
  desk.Do(WorkerLost{NodeId(2), kEpoch});
  CHECK(desk.core.queued_requests() == 6);
  desk.went.clear();
  desk.Do(WorkerJoined{NodeId(3), kEpoch});
  for (uint64_t id = 1; id <= 6; ++id) desk.Prefilled(id);
  CHECK(desk.went.size() == 6);
}

TEST_CASE("a worker that publishes is believed, and asked again when words are missing") {
  Desk desk(1);
  const GenerationRequest prompt = MakePrompt(1, 0, 160);
  BlockChain chain({.model = {}, .salt = "", .block_tokens = 16});
  chain.Append(prompt.prompt);
  PublishLog log(NodeId(1), kEpoch);
  for (uint32_t block = 0; block < 5; ++block) {
    log.Published({.key = chain.key(block), .depth = block});
  }
  desk.Do(BlocksPublished{*log.CutBatch(5)});
  desk.Submit(1, 0, 160);
  CHECK(desk.core.workers().at(NodeId(1)).unprefilled_tokens == 80);
  desk.Prefilled(1);
  CHECK(desk.core.directory().Coverage(NodeId(1), desk.now)->blocks_known == 5);  // no guessing

  log.Published({.key = chain.key(5), .depth = 5});
  (void)log.CutBatch(6);  // lost
  desk.Do(BlocksPublished{log.Beat(6)});
  CHECK(desk.asked.empty());
  desk.now = desk.now + Seconds(1);
  desk.Do(RequestCancelled{RequestId(77)});  // any event will do
  REQUIRE(desk.asked.size() == 1);
  CHECK(desk.asked[0].have == 1);
  std::vector<HeldBlock> held;
  for (uint32_t block = 0; block < 6; ++block) {
    held.push_back({.key = chain.key(block), .depth = block});
  }
  for (const PublishSnapshotPart& part : log.Snapshot(held, 6)) desk.Do(BlocksListed{part});
  desk.Submit(2, 0, 160);
  CHECK(desk.core.workers().at(NodeId(1)).unprefilled_tokens == 64);
}

TEST_CASE("keys that came with a request are used as they are") {
  Desk desk(4);
  const std::vector<BlockKey> chain = {{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5},
                                       {1, 6}, {1, 7}, {1, 8}, {1, 9}, {1, 10}};
  desk.Do(RequestSubmitted{MakePrompt(1, 0, 160), chain});
  desk.Prefilled(1);
  desk.Do(RequestSubmitted{MakePrompt(2, 7000, 160), chain});
  CHECK(desk.went.at(2) == desk.went.at(1));
  CHECK(desk.core.counts().hit_tokens_expected == 159);
}

TEST_CASE("equal events give equal actions in two cores, under every policy") {
  for (const PolicyKind kind : AllPolicies()) {
    CAPTURE(PolicyName(kind));
    SchedulerLimits limits;
    limits.routing.policy = kind;
    limits.unprefilled_requests_max = 2;
    Desk one(7, limits), other(7, limits);
    Prng prng(11);
    for (uint64_t id = 1; id <= 200; ++id) {
      const auto family = static_cast<TokenId>(prng.Below(12) * 5000);
      const size_t tokens = 100 + prng.Below(3000);
      const uint64_t done = 1 + prng.Below(id);
      for (Desk* desk : {&one, &other}) {
        desk->now = desk->now + Milliseconds(20);
        desk->Submit(id, family, tokens);
        if (desk->went.contains(done)) desk->Prefilled(done);
      }
    }
    CHECK(one.went == other.went);
    CHECK(one.core.counts().moved == other.core.counts().moved);
  }
}

}  // namespace
}  // namespace cairn
