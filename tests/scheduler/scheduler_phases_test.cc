// Roles as the scheduler core carries them out: handoffs, promises, flow.
#include <catch2/catch.hpp>
#include <vector>

#include "scheduler/core/scheduler_core.h"

namespace cairn {
namespace {

constexpr Epoch kEpoch{1};
constexpr NodeId kPrefill{1}, kDecode{2};

// A scheduler core with a prefill-heavy worker and a decode-heavy one that takes no prompts, and
// what it told them.
struct Desk {
  explicit Desk(PhaseOptions phases = {}) : core({.phases = phases}) {
    Join(kPrefill);
    Join(kDecode);
  }
  void Do(const SchedulerEvent& event) {
    core.Handle(event, Instant());
    for (SchedulerAction& action : core.TakeActions()) {
      if (auto* send = std::get_if<SendAssignment>(&action)) told.push_back(std::move(*send));
    }
  }
  void Join(NodeId node) {
    const bool prefills = node == kPrefill;
    Do(WorkerJoined{node, kEpoch, prefills ? 512u : 0u,
                    prefills ? PhaseRole::kPrefillHeavy : PhaseRole::kDecodeHeavy});
  }
  void Submit(uint64_t id, size_t prompt = 100) {
    GenerationRequest request;
    request.id = RequestId(id);
    request.prompt.assign(prompt, 5);
    request.max_tokens = 50;
    Do(RequestSubmitted{std::move(request)});
  }
  void Report(NodeId node, const cairn::Report& report) {
    Do(WorkerReported{node, kEpoch, report});
  }
  // Its prompt is done at the prefill-heavy worker, which gives it up after the first token.
  void HandOver(uint64_t id) {
    Report(kPrefill, PrefillDone{RequestId(id), {}, {}});
    Report(kPrefill, TokenProduced{RequestId(id), 0, 0, {}});
    Report(kPrefill, Yielded{RequestId(id)});
  }
  const WorkerView& At(NodeId node) const { return core.workers().at(node); }
  const Assign& LastAssign() const { return std::get<Assign>(told.back().assignment); }

  SchedulerCore core;
  std::vector<SendAssignment> told;
};

TEST_CASE("a prompt runs until its first token, then goes on with its KV where it was promised") {
  Desk desk;
  desk.Submit(1);
  REQUIRE(desk.told.size() == 2);
  CHECK(desk.told[0].worker == kDecode);
  CHECK(std::holds_alternative<Follow>(desk.told[0].assignment));
  CHECK(desk.told[1].worker == kPrefill);
  CHECK(desk.LastAssign().yields);
  CHECK(desk.At(kDecode).kv_tokens == 100);
  desk.HandOver(1);
  CHECK(desk.told.back().worker == kDecode);
  CHECK(desk.LastAssign().source == NodeLife{kPrefill, kEpoch});
  CHECK(desk.LastAssign().resume[0].tokens.size() == 1);
  CHECK(desk.At(kPrefill).kv_tokens == 0);
  CHECK(desk.At(kPrefill).live_requests == 0);
  CHECK(desk.At(kDecode).kv_tokens == 101);
  CHECK(desk.At(kDecode).live_requests == 1);
}

TEST_CASE("what was promised to a worker ends with its session, though it comes back in one life") {
  Desk desk;
  desk.Submit(1);
  REQUIRE(desk.At(kDecode).kv_tokens == 100);
  // It was cut off and has joined again: it follows nothing any more.
  desk.Do(WorkerLost{kDecode, kEpoch});
  desk.Join(kDecode);
  CHECK(desk.At(kDecode).kv_tokens == 0);
  desk.HandOver(1);
  CHECK(desk.told.back().worker == kDecode);  // it has the most room, all the same
  CHECK(desk.At(kDecode).kv_tokens == 101);
  desk.Report(kDecode, ChoiceEnded{RequestId(1), 0, FinishReason::kLength, ""});
  desk.Report(kDecode, RequestEnded{RequestId(1), 0});
  CHECK(desk.At(kDecode).kv_tokens == 0);
}

TEST_CASE("a cancelled request frees what was promised for it, and ends where it is given up") {
  Desk desk;
  desk.Submit(1);
  desk.Do(RequestCancelled{RequestId(1)});
  CHECK(desk.At(kDecode).kv_tokens == 0);
  CHECK(desk.core.live_requests() == 1);
  desk.Report(kPrefill, Yielded{RequestId(1)});  // the cancel met it on its way
  CHECK(desk.core.live_requests() == 0);
  CHECK(desk.At(kPrefill).kv_tokens == 0);
  CHECK(desk.At(kPrefill).live_requests == 0);
}

}  // namespace
}  // namespace cairn
