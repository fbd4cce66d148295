#include "scheduler/core/request.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "kvstore/base/prng.h"
#include "tests/scheduler/scheduler_desk.h"

namespace cairn {
namespace {

TEST_CASE("a queued request that is cancelled ends at once and never reaches a worker") {
  Desk desk({.unprefilled_requests_max = 1});
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1)});
  desk.Do(RequestSubmitted{MakeRequest(2, 10, 3)});
  desk.Do(RequestCancelled{RequestId(2)});
  CHECK(desk.Heard(2) == "eeeE");
  CHECK(desk.cancelled.empty());
  desk.Report(PrefillDone{RequestId(1), {}});
  CHECK(desk.assigned == std::vector<uint64_t>{1});
}

TEST_CASE("a running request that is cancelled is silent until its worker has let go") {
  Desk desk;
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1)});
  desk.Report(PrefillDone{RequestId(1), {}});
  desk.Report(Token(1, 0));
  desk.Do(RequestCancelled{RequestId(1)});
  desk.Do(RequestCancelled{RequestId(1)});
  CHECK(desk.cancelled == std::vector<uint64_t>{1});
  desk.Report(Token(1, 1));
  CHECK(desk.Heard(1) == "Pt");
  desk.Report(ChoiceEnded{RequestId(1), 0, FinishReason::kCancelled, ""});
  desk.Report(RequestEnded{RequestId(1), 0});
  CHECK(desk.Heard(1) == "PteE");
}

TEST_CASE("tokens that were on their way after a stop string are not delivered") {
  Desk desk;
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1, 10, 2)});
  desk.Report(PrefillDone{RequestId(1), {}});
  desk.Report(Token(1, 0, 0));
  desk.Do(ChoiceStopped{RequestId(1), 0});
  desk.Do(ChoiceStopped{RequestId(1), 0});
  CHECK(desk.stopped == std::vector<std::pair<uint64_t, uint32_t>>{{1, 0}});
  desk.Report(Token(1, 1, 0));
  desk.Report(Token(1, 0, 1));
  CHECK(desk.Heard(1) == "Ptt");
}

TEST_CASE("after a worker restarts its requests go on behind the last token that was heard") {
  Desk desk;
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1)});
  desk.Report(PrefillDone{RequestId(1), {}});
  desk.Report(Token(1, 0));
  desk.Report(Token(1, 1));
  desk.Do(WorkerJoined{kWorker, Epoch(2)});
  CHECK(desk.assigned == std::vector<uint64_t>{1, 1});
  CHECK(desk.resumed[0].empty());
  REQUIRE(desk.resumed[1].size() == 1);
  CHECK(desk.resumed[1][0].tokens.size() == 2);
  CHECK(desk.core.workers().at(kWorker).unprefilled_tokens == 12);
  desk.Report(Token(1, 2));  // an old word
  CHECK(desk.Heard(1) == "Ptt");
  desk.Report(PrefillDone{RequestId(1), {}}, Epoch(2));
  for (uint32_t position = 2; position < 4; ++position) desk.Report(Token(1, position), Epoch(2));
  CHECK(desk.Heard(1) == "Ptttt");
}

TEST_CASE("a stop string that is found while the request waits again ends the choice at once") {
  Desk desk;
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1, 10, 2)});
  desk.Report(PrefillDone{RequestId(1), {}});
  desk.Report(Token(1, 0, 0));
  desk.Report(Token(1, 0, 1));
  desk.Do(WorkerLost{kWorker, kEpoch});
  desk.Do(ChoiceStopped{RequestId(1), 0});
  CHECK(desk.Heard(1) == "Ptte");
  CHECK(desk.core.queued_requests() == 1);  // for the other choice
  desk.Do(ChoiceStopped{RequestId(1), 1});
  CHECK(desk.Heard(1) == "PtteeE");
  for (const size_t end : {3, 4}) {
    CHECK(std::get<ChoiceEnded>(desk.words[1][end]).reason == FinishReason::kStop);
  }
  CHECK(desk.core.live_requests() == 0);
  CHECK(desk.core.queued_requests() == 0);
  CHECK(desk.core.tenants().at(0).queued_tokens == 0);
}

TEST_CASE("each choice goes on from where it was, and one that has ended says nothing more") {
  Desk desk;
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1, 10, 3)});
  desk.Report(PrefillDone{RequestId(1), {}});
  desk.Report(Token(1, 0, 0));
  desk.Report(Token(1, 0, 2));
  desk.Report(ChoiceEnded{RequestId(1), 0, FinishReason::kStop, ""});
  desk.Do(WorkerJoined{kWorker, Epoch(2)});
  REQUIRE(desk.resumed.size() == 2);
  REQUIRE(desk.resumed[1].size() == 3);
  CHECK(desk.resumed[1][0].ended);
  CHECK(desk.resumed[1][1].tokens.empty());
  CHECK_FALSE(desk.resumed[1][1].ended);
  CHECK(desk.resumed[1][2].tokens.size() == 1);
}

TEST_CASE(
    "a request whose deadline passes while it waits ends with the reason, and at that instant") {
  Desk desk({.unprefilled_requests_max = 1});
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1)});
  GenerationRequest late = MakeRequest(2);
  late.deadline = Milliseconds(300);
  desk.Do(RequestSubmitted{late}, Instant() + Milliseconds(50));
  CHECK(desk.core.NextDeadline() == Instant() + Milliseconds(350));
  desk.Do(TimePassed{}, Instant() + Milliseconds(350) - Nanoseconds(1));
  CHECK(desk.Heard(2).empty());
  desk.Do(TimePassed{}, Instant() + Milliseconds(350));
  CHECK(desk.Heard(2) == "eE");
  const auto& end = std::get<ChoiceEnded>(desk.words[2].front());
  CHECK(end.reason == FinishReason::kExpired);
  CHECK(end.message == "its deadline has passed");
  CHECK(desk.core.counts().expired == 1);
  CHECK(desk.core.NextDeadline() == std::nullopt);
  CHECK(desk.core.queued_requests() == 0);
}

TEST_CASE("a request whose deadline passes while it runs is taken from its worker, which is told") {
  Desk desk;
  desk.Do(WorkerJoined{kWorker, kEpoch});
  GenerationRequest late = MakeRequest(1);
  late.deadline = Milliseconds(300);
  desk.Do(RequestSubmitted{late});
  desk.Report(PrefillDone{RequestId(1), {}});
  desk.Report(Token(1, 0));
  desk.Do(TimePassed{}, Instant() + Milliseconds(300));
  CHECK(desk.cancelled == std::vector<uint64_t>{1});
  CHECK(desk.Heard(1) == "Pte");  // at once, even if the worker never answers
  desk.Do(RequestCancelled{RequestId(1)}, Instant() + Milliseconds(301));
  CHECK(desk.core.counts().cancelled == 0);
  desk.Report(Token(1, 1));
  desk.Report(ChoiceEnded{RequestId(1), 0, FinishReason::kCancelled, ""});
  desk.Report(RequestEnded{RequestId(1), 0});
  CHECK(desk.Heard(1) == "PteE");
  CHECK(std::get<ChoiceEnded>(desk.words[1][2]).reason == FinishReason::kExpired);
  CHECK(desk.core.live_requests() == 0);
}

TEST_CASE("a prompt that cannot be computed before its deadline is not begun") {
  Desk desk({.unprefilled_requests_max = 1, .shorter_first_percent = 0});
  desk.JoinWithKnownSpeed();
  desk.Do(RequestSubmitted{MakeRequest(1, 100)});
  GenerationRequest late = MakeRequest(2, 500);
  late.deadline = Milliseconds(800);
  desk.Do(RequestSubmitted{late});
  desk.Do(RequestSubmitted{MakeRequest(3, 100)});
  desk.Do(WorkerReported{kWorker, kEpoch, PrefillDone{RequestId(1), {}}},
          Instant() + Milliseconds(450));
  CHECK(desk.assigned == std::vector<uint64_t>{1, 3});
  CHECK(desk.Heard(2) == "eE");
  CHECK(std::get<ChoiceEnded>(desk.words[2][0]).message ==
        "its prompt could not be computed before its deadline");
}

// Random clients against two workers that answer in any order, lose their lives and come back.
struct Bustle {
  explicit Bustle(uint64_t seed)
      : prng(seed),
        core({.live_requests_max = 20,
              .unprefilled_requests_max = static_cast<uint32_t>(1 + prng.Below(4))}) {
    for (const auto& [worker, epoch] : epochs) {
      core.Handle(WorkerJoined{NodeOf(worker), Epoch(epoch)}, now);
    }
  }

  // What one request does on a worker.
  struct Run {
    uint64_t worker, epoch, stage = 0;
    uint32_t choices;
    bool cancelled = false;
  };

  static NodeId NodeOf(uint64_t worker) { return NodeId(static_cast<uint32_t>(worker)); }

  void CarryOut() {
    for (SchedulerAction& action : core.TakeActions()) {
      if (const auto* send = std::get_if<SendAssignment>(&action)) {
        Carry(*send);
      } else if (const auto* yes = std::get_if<Accepted>(&action)) {
        accepted.insert(yes->request.value());
      } else if (const auto* word = std::get_if<DeliverWord>(&action)) {
        Hear(*word);
      }
    }
  }
  void Carry(const SendAssignment& send) {
    REQUIRE(send.epoch.value() == epochs[send.worker.value()]);
    if (const auto* assign = std::get_if<Assign>(&send.assignment)) {
      runs[assign->request.id.value()] = {send.worker.value(), send.epoch.value(), 0,
                                          assign->request.choices};
    } else if (const auto* cancel = std::get_if<Cancel>(&send.assignment)) {
      const auto run = runs.find(cancel->request.value());  // or it crosses the end
      if (run != runs.end()) run->second.cancelled = true;
    }
  }
  void Hear(const DeliverWord& word) {
    const uint64_t id = word.request.value();
    REQUIRE(!ended.contains(id));
    if (const auto* token = std::get_if<TokenProduced>(&word.word)) {
      heard[id].resize(4);
      REQUIRE(token->position == heard[id][token->choice]++);
    } else if (std::holds_alternative<RequestEnded>(word.word)) {
      ended.insert(id);
    }
  }

  void Tell(const Run& run, const Report& word) {
    core.Handle(WorkerReported{NodeOf(run.worker), Epoch(run.epoch), word}, now);
    CarryOut();
  }
  // One more word of one run.
  void Step(uint64_t id) {
    const Run run = runs.at(id);
    if (run.epoch != epochs[run.worker]) {
      runs.erase(id);
      return;
    }
    const uint64_t stage = run.cancelled ? 100 : runs.at(id).stage++;
    if (stage == 0) return Tell(run, PrefillDone{RequestId(id), {}});
    if (stage < 6) {
      for (uint32_t c = 0; c < run.choices; ++c) {
        Tell(run, TokenProduced{RequestId(id), c, static_cast<uint32_t>(stage - 1), {}});
      }
      return;
    }
    runs.erase(id);
    for (uint32_t c = 0; c < run.choices; ++c) {
      Tell(run, ChoiceEnded{RequestId(id), c, FinishReason::kLength, ""});
    }
    Tell(run, RequestEnded{RequestId(id), 0});
  }

  void Arrive() {
    GenerationRequest request =
        MakeRequest(next++, 1 + prng.Below(50), static_cast<uint32_t>(1 + prng.Below(3)),
                    static_cast<int32_t>(prng.Below(3)));
    request.tenant = std::to_string(prng.Below(3));
    if (prng.Chance(0.3)) request.deadline = Milliseconds(prng.Between(1, 300));
    core.Handle(RequestSubmitted{request}, now);
  }
  // It may be known to be lost before it comes back, and others take over meanwhile.
  void Restart(uint64_t worker) {
    if (prng.Chance(0.5)) core.Handle(WorkerLost{NodeOf(worker), Epoch(epochs[worker])}, now);
    CarryOut();
    core.Handle(WorkerJoined{NodeOf(worker), Epoch(++epochs[worker])}, now);
  }
  void HappenSomething() {
    const uint64_t dice = prng.Below(100);
    if (dice < 25) {
      Arrive();
    } else if (dice < 32) {
      core.Handle(RequestCancelled{RequestId(1 + prng.Below(next))}, now);
    } else if (dice < 36) {
      core.Handle(ChoiceStopped{RequestId(1 + prng.Below(next)), 0}, now);
    } else if (dice < 39) {
      Restart(1 + prng.Below(2));
    } else if (dice < 42) {
      core.Handle(TimePassed{}, now);
    } else if (!runs.empty()) {
      Step(std::next(runs.begin(), static_cast<long>(prng.Below(runs.size())))->first);
    }
    CarryOut();
    CheckCounts();
    now = now + Milliseconds(prng.Between(0, 5));
  }

  void CheckCounts() const {
    uint64_t live = 0, waiting = 0, running = 0;
    for (const TenantAccount& tenant : core.tenants().accounts()) {
      live += tenant.live;
      waiting += tenant.waiting;
      REQUIRE((tenant.waiting > 0) == (tenant.queued_tokens > 0));
    }
    REQUIRE(live == core.live_requests());
    REQUIRE(waiting == core.queued_requests());
    REQUIRE(core.counts().accepted == core.counts().ended + core.live_requests());
    for (const auto& [node, worker] : core.workers()) running += worker.live_requests;
    REQUIRE(running + waiting <= live);  // the rest is being cancelled
  }
  void CheckQuiet() const {
    CHECK(core.live_requests() == 0);
    CHECK(core.queued_requests() == 0);
    CHECK(accepted == ended);
    CHECK(core.NextDeadline() == std::nullopt);
    for (const auto& [node, worker] : core.workers()) {
      CHECK(worker.live_requests == 0);
      CHECK(worker.unprefilled.empty());
      CHECK(worker.unprefilled_tokens == 0);
    }
  }

  Prng prng;
  SchedulerCore core;
  std::map<uint64_t, uint64_t> epochs{{1, 1}, {2, 1}};
  std::map<uint64_t, Run> runs;
  std::map<uint64_t, std::vector<uint32_t>> heard;
  std::set<uint64_t> accepted, ended;
  uint64_t next = 1;
  Instant now;
};

TEST_CASE(
    "whatever is cancelled, late, lost or repeated, every accepted request ends exactly once") {
  uint64_t expired = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Bustle bustle(seed);
    for (int i = 0; i < 200; ++i) bustle.HappenSomething();
    for (int i = 0; i < 2000 && !bustle.runs.empty(); ++i) bustle.Step(bustle.runs.begin()->first);
    bustle.CheckQuiet();
    expired += bustle.core.counts().expired;
  }
  CHECK(expired > 300);  // the seeds are worth nothing if nothing happens in them
}

}  // namespace
}  // namespace cairn
