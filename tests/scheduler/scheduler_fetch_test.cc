// Whom the scheduler names for the head of a prompt, and when nobody.
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <utility>

#include "kvstore/block/block_chain.h"
#include "scheduler/core/scheduler_core.h"
#include "tests/scheduler/first_load.h"

namespace cairn {
namespace {

constexpr Epoch kEpoch{1};
constexpr uint32_t kBlocks = 50;  // of 16 tokens: where all prompts begin alike

// 1,000 tokens.
GenerationRequest PromptOf(uint64_t id) {
  GenerationRequest request;
  request.id = RequestId(id);
  for (TokenId i = 0; i < 1000; ++i) {
    const bool own = i >= static_cast<TokenId>(kBlocks * 16);
    request.prompt.push_back(own ? static_cast<TokenId>(1000 * id) + i : i);
  }
  return request;
}

// 10 us to bring a token; computing one takes 100.
SchedulerLimits Fetching(Duration token = Microseconds(10)) {
  SchedulerLimits limits;
  limits.routing.policy = PolicyKind::kRoundRobin;  // the first goes to worker 1, and so on
  limits.routing.cost.fetch_token = token;
  limits.unprefilled_requests_max = 1000;  // nobody waits in a line
  limits.unprefilled_tokens_max = 1'000'000;
  return limits;
}

// A scheduler whose workers say what they hold, and what it told them.
struct Desk {
  Desk(uint32_t workers, const SchedulerLimits& limits) : core(limits) {
    for (uint32_t i = 1; i <= workers; ++i) {
      Do(WorkerJoined{NodeId(i), kEpoch});
      Do(WorkerReported{NodeId(i), kEpoch, FirstLoad(1000)});
    }
  }
  void Do(const SchedulerEvent& event) {
    core.Handle(event, Instant() + Seconds(1));
    for (SchedulerAction& action : core.TakeActions()) {
      auto* send = std::get_if<SendAssignment>(&action);
      auto* assign = send == nullptr ? nullptr : std::get_if<Assign>(&send->assignment);
      if (assign != nullptr) assigned[assign->request.id.value()] = {send->worker, *assign};
    }
  }
  // What request `id` was told of a holder, and to which worker it went.
  const std::optional<PrefixHolder>& HolderOf(uint64_t id) { return assigned.at(id).second.holder; }
  void Submit(uint64_t id) { Do(RequestSubmitted{PromptOf(id)}); }
  void Say(uint32_t worker, std::vector<BlockChange> changes) {
    Do(BlocksPublished{{.node = NodeId(worker),
                        .epoch = kEpoch,
                        .sequence = ++said[worker],
                        .blocks_held = changes.size(),
                        .changes = std::move(changes)}});
  }
  // The worker has the first blocks of all prompts.
  void Hold(uint32_t worker, uint32_t blocks, Tier tier = Tier::kDevice) {
    BlockChain chain({.model = {}, .salt = "", .block_tokens = 16});
    chain.Append(PromptOf(1).prompt);
    std::vector<BlockChange> changes;
    for (uint32_t block = 0; block < blocks; ++block) {
      changes.push_back({.block = {.key = chain.key(block), .depth = block, .tier = tier}});
    }
    Say(worker, std::move(changes));
  }

  SchedulerCore core;
  std::map<uint64_t, std::pair<NodeId, Assign>> assigned;
  std::map<uint32_t, uint64_t> said;
};

TEST_CASE("an assignment names who has enough more of the prompt for fetching to be cheaper") {
  Desk desk(2, Fetching());
  desk.Hold(2, kBlocks);
  desk.Submit(1);
  REQUIRE(desk.assigned.at(1).first == NodeId(1));
  REQUIRE(desk.HolderOf(1).has_value());
  CHECK(desk.HolderOf(1)->life == NodeLife{NodeId(2), kEpoch});
  CHECK(desk.HolderOf(1)->blocks == kBlocks);
  CHECK(desk.HolderOf(1)->wait == Milliseconds(80));  // what computing 800 tokens takes
  CHECK(desk.core.workers().at(NodeId(1)).unprefilled_tokens == 200);
  desk.Submit(2);  // goes to whoever has it
  CHECK(desk.assigned.at(2).first == NodeId(2));
  CHECK_FALSE(desk.HolderOf(2).has_value());
  CHECK(desk.core.counts().fetches == 1);
  CHECK(desk.core.counts().fetch_tokens_expected == 800);
  // What came of it is counted when it is known: the directory may have been wrong.
  desk.Do(WorkerReported{
      NodeId(1), kEpoch,
      PrefillDone{RequestId(1), {.prompt_tokens = 1000, .fetched_tokens = 320}, {}}});
  CHECK(desk.core.counts().fetched_tokens == 320);
}

TEST_CASE("nobody is named where computing is cheaper, or for a few tokens") {
  const auto named = [](const SchedulerLimits& limits, uint32_t blocks) {
    Desk desk(2, limits);
    desk.Hold(2, blocks);
    desk.Submit(1);
    return desk.HolderOf(1).has_value();
  };
  CHECK(named(Fetching(), 4));
  CHECK_FALSE(named(Fetching(), 3));  // 48 tokens
  CHECK(named(Fetching(Microseconds(99)), kBlocks));
  CHECK_FALSE(named(Fetching(Microseconds(101)), kBlocks));
  CHECK_FALSE(named(Fetching(Duration()), kBlocks));  // there is no wire
  SchedulerLimits slow = Fetching();
  slow.routing.cost.fetch_call = Milliseconds(71);  // 800 tokens take 8 ms and 80 ms
  CHECK(named(slow, kBlocks));
  slow.routing.cost.fetch_call = Milliseconds(72);
  CHECK_FALSE(named(slow, kBlocks));
}

TEST_CASE("what a worker has itself is not asked of others") {
  Desk desk(2, Fetching());
  desk.Hold(1, 48);
  desk.Hold(2, kBlocks);  // two blocks more: not worth it
  desk.Submit(1);
  CHECK(desk.assigned.at(1).first == NodeId(1));
  CHECK_FALSE(desk.HolderOf(1).has_value());
}

TEST_CASE("what is only expected somewhere, or lies in DRAM, is asked of nobody") {
  Desk desk(2, Fetching());
  desk.Submit(1);
  desk.Submit(2);  // worker 1 may be computing it, but has not said that it has it
  CHECK_FALSE(desk.HolderOf(2).has_value());
  Desk other(2, Fetching());
  other.Hold(2, kBlocks, Tier::kDram);
  other.Submit(1);
  CHECK_FALSE(other.HolderOf(1).has_value());
}

TEST_CASE("of several holders not always the same one is asked, and none that is lost") {
  Desk desk(4, Fetching());
  for (const uint32_t worker : {2u, 3u, 4u}) desk.Hold(worker, kBlocks);
  std::set<NodeId> asked;
  for (uint64_t id = 1; id <= 40; ++id) {
    desk.Submit(id);
    if (desk.HolderOf(id)) asked.insert(desk.HolderOf(id)->life.node);
  }
  CHECK(asked.size() == 3);
  desk.Do(WorkerLost{NodeId(3), kEpoch});
  desk.Do(WorkerLost{NodeId(4), kEpoch});
  for (uint64_t id = 101; id <= 120; ++id) {
    desk.Submit(id);
    if (desk.HolderOf(id)) CHECK(desk.HolderOf(id)->life.node == NodeId(2));
  }
}

TEST_CASE("a policy that looks at costs balances a hot prompt once it can be fetched") {
  for (const PolicyKind kind : {PolicyKind::kDualHash, PolicyKind::kMinTtft}) {
    SchedulerLimits limits = Fetching();
    limits.routing.policy = kind;
    Desk desk(4, limits);
    desk.Hold(2, kBlocks);
    std::map<NodeId, int> went;
    for (uint64_t id = 1; id <= 40; ++id) {
      desk.Submit(id);
      if (desk.assigned.contains(id)) ++went[desk.assigned.at(id).first];
    }
    CAPTURE(PolicyName(kind));
    CHECK(went.size() == 4);
  }
}

}  // namespace
}  // namespace cairn
