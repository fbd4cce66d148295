#include "scheduler/core/scheduler_core.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "kvstore/base/prng.h"
#include "tests/scheduler/first_load.h"

namespace cairn {
namespace {

constexpr NodeId kWorker{1};
constexpr Epoch kEpoch{1};

GenerationRequest MakeRequest(uint64_t id, size_t prompt = 10, uint32_t choices = 1,
                              int32_t priority = 0) {
  GenerationRequest request;
  request.id = RequestId(id);
  request.prompt.assign(prompt, 5);
  request.choices = choices;
  request.priority = priority;
  return request;
}

// A scheduler core with its actions sorted by kind.
struct Desk {
  explicit Desk(SchedulerLimits limits = {}) : core(limits) {}

  void Do(const SchedulerEvent& event, Instant now = {}) {
    core.Handle(event, now);
    for (SchedulerAction& action : core.TakeActions()) {
      if (auto* send = std::get_if<SendAssignment>(&action)) {
        if (auto* assign = std::get_if<Assign>(&send->assignment)) {
          assigned.push_back(assign->request.id.value());
          resumed.push_back(assign->resume);
        } else if (auto* cancel = std::get_if<Cancel>(&send->assignment)) {
          cancelled.push_back(cancel->request.value());
        } else if (auto* stopping = std::get_if<StopChoice>(&send->assignment)) {
          const StopChoice& stop = *stopping;
          stopped.push_back({stop.request.value(), stop.choice});
        }
      } else if (auto* answer = std::get_if<Shed>(&action)) {
        shed.push_back(*answer);
      } else if (auto* word = std::get_if<DeliverWord>(&action)) {
        words[word->request.value()].push_back(word->word);
      }
    }
  }
  // A worker that has computed 1,000 tokens a second so far.
  WorkerLoad JoinWithKnownSpeed() {
    Do(WorkerJoined{kWorker, kEpoch});
    const WorkerLoad load = FirstLoad(100);
    Report(load);
    return load;
  }
  void Report(const cairn::Report& report, Epoch epoch = kEpoch) {
    Do(WorkerReported{kWorker, epoch, report});
  }
  // What the client of a request has heard: P prefill, t token, e choice end, E request end.
  std::string Heard(uint64_t id) {
    std::string out;
    for (const ClientWord& word : words[id]) out += "PteE"[word.index()];
    return out;
  }

  SchedulerCore core;
  std::vector<uint64_t> assigned, cancelled;
  std::vector<std::vector<ResumedChoice>> resumed;  // of `assigned`
  std::vector<std::pair<uint64_t, uint32_t>> stopped;
  std::vector<Shed> shed;
  std::map<uint64_t, std::vector<ClientWord>> words;
};

TokenProduced Token(uint64_t id, uint32_t position, uint32_t choice = 0) {
  return {RequestId(id), choice, position, {}};
}

TEST_CASE("a request is assigned, heard and ended, and nothing of it stays behind") {
  Desk desk;
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1)});
  REQUIRE(desk.assigned == std::vector<uint64_t>{1});
  desk.Report(PrefillDone{RequestId(1), {}});
  desk.Report(Token(1, 0));
  desk.Report(Token(1, 1));
  desk.Report(ChoiceEnded{RequestId(1), 0, FinishReason::kLength, ""});
  desk.Report(RequestEnded{RequestId(1), 0});
  CHECK(desk.Heard(1) == "PtteE");
  CHECK(desk.core.live_requests() == 0);
  CHECK(desk.core.workers().at(kWorker).live_requests == 0);
  CHECK(desk.core.workers().at(kWorker).unprefilled_tokens == 0);
}

TEST_CASE("without a worker a request is shed with a reason, not queued for ever") {
  Desk desk;
  desk.Do(RequestSubmitted{MakeRequest(1)});
  REQUIRE(desk.shed.size() == 1);
  CHECK(desk.shed[0].reason == ShedReason::kNoWorker);
  CHECK(desk.shed[0].retry_after >= Seconds(1));
}

TEST_CASE("a worker holds only a bounded amount of prompt it has not computed") {
  Desk desk({.unprefilled_requests_max = 2, .unprefilled_tokens_max = 1000});
  desk.Do(WorkerJoined{kWorker, kEpoch});
  for (uint64_t id = 1; id <= 4; ++id) desk.Do(RequestSubmitted{MakeRequest(id)});
  CHECK(desk.assigned == std::vector<uint64_t>{1, 2});
  desk.Report(PrefillDone{RequestId(1), {}});
  CHECK(desk.assigned == std::vector<uint64_t>{1, 2, 3});
}

TEST_CASE("a prompt longer than the bound still runs when the worker has nothing else to prefill") {
  Desk desk({.unprefilled_tokens_max = 100});
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1, 5000)});
  desk.Do(RequestSubmitted{MakeRequest(2, 10)});
  CHECK(desk.assigned == std::vector<uint64_t>{1});
}

TEST_CASE("lower priority values run first, equal ones in order of arrival") {
  Desk desk({.unprefilled_requests_max = 1});
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1)});
  desk.Do(RequestSubmitted{MakeRequest(2, 10, 1, 5)});
  desk.Do(RequestSubmitted{MakeRequest(3, 10, 1, 0)});
  desk.Do(RequestSubmitted{MakeRequest(4, 10, 1, -1)});
  for (uint64_t id : {1, 4, 3, 2}) desk.Report(PrefillDone{RequestId(id), {}});
  CHECK(desk.assigned == std::vector<uint64_t>{1, 4, 3, 2});
}

TEST_CASE("the queue is bounded in requests and in tokens, and says when to come back") {
  Desk desk({.live_requests_max = 3, .queued_tokens_max = 50, .unprefilled_requests_max = 1});
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1)});
  desk.Do(RequestSubmitted{MakeRequest(2, 60)});
  REQUIRE(desk.shed.size() == 1);
  CHECK(desk.shed[0].reason == ShedReason::kQueuedTokens);
  desk.Do(RequestSubmitted{MakeRequest(3)});
  desk.Do(RequestSubmitted{MakeRequest(4)});
  desk.Do(RequestSubmitted{MakeRequest(5)});
  REQUIRE(desk.shed.size() == 2);
  CHECK(desk.shed[1].reason == ShedReason::kLiveRequests);
}

TEST_CASE("the retry time follows the queue and the measured speed of the worker") {
  Desk desk({.queue_wait_max = Seconds(10), .unprefilled_requests_max = 1});
  WorkerLoad load = desk.JoinWithKnownSpeed();
  desk.Do(RequestSubmitted{MakeRequest(1, 8000)});
  GenerationRequest second = MakeRequest(2, 4000);
  second.cache_salt = "shares nothing";
  desk.Do(RequestSubmitted{second});
  desk.Do(RequestSubmitted{MakeRequest(3, 10)});
  REQUIRE(desk.shed.size() == 1);
  CHECK(desk.shed[0].reason == ShedReason::kWaitTooLong);
  // 12 s wait, 10 may, and an eighth is kept for those who come when they were told to.
  CHECK(desk.shed[0].retry_after == Seconds(4));
  load.prefill_tokens_left = 8000 - 3000;
  desk.Do(WorkerReported{kWorker, kEpoch, load}, Instant() + Seconds(3));
  desk.Do(RequestSubmitted{MakeRequest(4, 10)}, Instant() + Seconds(3));
  CHECK(desk.shed.size() == 2);
  desk.Do(RequestSubmitted{MakeRequest(5, 10)}, Instant() + Seconds(4));
  CHECK(desk.shed.size() == 2);
}

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

TEST_CASE("draining sheds what comes and finishes what is inside") {
  Desk desk;
  desk.Do(WorkerJoined{kWorker, kEpoch});
  desk.Do(RequestSubmitted{MakeRequest(1)});
  desk.Do(DrainStarted{});
  desk.Do(RequestSubmitted{MakeRequest(2)});
  REQUIRE(desk.shed.size() == 1);
  CHECK(desk.shed[0].reason == ShedReason::kDraining);
  desk.Report(PrefillDone{RequestId(1), {}});
  desk.Report(ChoiceEnded{RequestId(1), 0, FinishReason::kStop, ""});
  desk.Report(RequestEnded{RequestId(1), 0});
  CHECK(desk.Heard(1) == "PeE");
}

TEST_CASE("a class's target decides what is due first, and attainment is counted by class") {
  Desk desk({.unprefilled_requests_max = 1, .classes = LatencyClasses()});
  desk.Do(WorkerJoined{kWorker, kEpoch});
  const auto submit = [&](uint64_t id, const char* name, Instant now) {
    GenerationRequest request = MakeRequest(id);
    request.latency_class = name;
    desk.Do(RequestSubmitted{request}, now);
  };
  const auto at = [](int64_t ms) { return Instant() + Milliseconds(ms); };
  submit(1, "", at(0));
  submit(2, "", at(10));
  submit(3, "batch", at(20));
  submit(4, "interactive", at(30));
  const auto prefill = [&](uint64_t id, Instant now) {
    desk.Do(WorkerReported{kWorker, kEpoch, PrefillDone{RequestId(id), {}}}, now);
    desk.Do(WorkerReported{kWorker, kEpoch, Token(id, 0)}, now);
    desk.Do(WorkerReported{kWorker, kEpoch, Token(id, 1)}, now + Milliseconds(60));
    desk.Do(
        WorkerReported{kWorker, kEpoch, ChoiceEnded{RequestId(id), 0, FinishReason::kLength, ""}},
        now + Milliseconds(60));
    desk.Do(WorkerReported{kWorker, kEpoch, RequestEnded{RequestId(id), 0}}, now);
  };
  for (uint64_t id : {1, 4, 2, 3}) prefill(id, at(1030));
  CHECK(desk.assigned == std::vector<uint64_t>{1, 4, 2, 3});
  const std::vector<ClassAttainment>& classes = desk.core.attainment();
  CHECK(classes[0] == ClassAttainment{.accepted = 1, .ttft_attained = 1, .tpot_missed = 1});
  CHECK(classes[1] == ClassAttainment{.accepted = 2, .ttft_attained = 2, .tpot_attained = 2});
  CHECK(classes[2] == ClassAttainment{.accepted = 1, .ttft_attained = 1});
}

TEST_CASE("a tenant that floods the queue leaves another's request its turn") {
  Desk desk({.unprefilled_requests_max = 1});
  desk.Do(WorkerJoined{kWorker, kEpoch});
  for (uint64_t id = 1; id <= 50; ++id) {
    GenerationRequest request = MakeRequest(id, 1000);
    request.tenant = "flood";
    desk.Do(RequestSubmitted{request});
  }
  for (uint64_t id = 51; id <= 52; ++id) {
    GenerationRequest request = MakeRequest(id, 1000);
    request.tenant = "quiet";
    desk.Do(RequestSubmitted{request});
  }
  for (int i = 0; i < 6; ++i) desk.Report(PrefillDone{RequestId(desk.assigned.back()), {}});
  CHECK(desk.assigned == std::vector<uint64_t>{1, 2, 51, 3, 52, 4, 5});
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
  Desk desk({.unprefilled_requests_max = 1});
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
TEST_CASE(
    "whatever is cancelled, late, lost or repeated, every accepted request ends exactly once") {
  uint64_t expired = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Prng prng(seed);
    SchedulerCore core({.live_requests_max = 20,
                        .unprefilled_requests_max = static_cast<uint32_t>(1 + prng.Below(4))});
    std::map<uint64_t, uint64_t> epochs{{1, 1}, {2, 1}};
    struct Run {
      uint64_t worker, epoch, stage = 0;
      uint32_t choices;
      bool cancelled = false;
    };
    std::map<uint64_t, Run> runs;
    std::map<uint64_t, std::vector<uint32_t>> heard;
    std::set<uint64_t> accepted, ended;
    uint64_t next = 1;
    Instant now;
    const auto carry_out = [&] {
      for (SchedulerAction& action : core.TakeActions()) {
        if (auto* send = std::get_if<SendAssignment>(&action)) {
          REQUIRE(send->epoch.value() == epochs[send->worker.value()]);
          if (auto* assign = std::get_if<Assign>(&send->assignment)) {
            runs[assign->request.id.value()] = {send->worker.value(), send->epoch.value(), 0,
                                                assign->request.choices};
          } else if (auto* cancel = std::get_if<Cancel>(&send->assignment)) {
            const auto run = runs.find(cancel->request.value());  // or it crosses the end
            if (run != runs.end()) run->second.cancelled = true;
          }
        } else if (auto* yes = std::get_if<Accepted>(&action)) {
          accepted.insert(yes->request.value());
        } else if (auto* word = std::get_if<DeliverWord>(&action)) {
          const uint64_t id = word->request.value();
          REQUIRE(!ended.contains(id));
          if (auto* token = std::get_if<TokenProduced>(&word->word)) {
            heard[id].resize(4);
            REQUIRE(token->position == heard[id][token->choice]++);
          } else if (std::holds_alternative<RequestEnded>(word->word)) {
            ended.insert(id);
          }
        }
      }
    };
    const auto report = [&](const Run& run, const Report& word) {
      core.Handle(WorkerReported{NodeId(static_cast<uint32_t>(run.worker)), Epoch(run.epoch), word},
                  now);
      carry_out();
    };
    const auto step = [&](uint64_t id) {  // one more word of one run
      Run run = runs.at(id);
      if (run.epoch != epochs[run.worker]) {
        runs.erase(id);
        return;
      }
      const uint64_t stage = run.cancelled ? 100 : runs.at(id).stage++;
      if (stage == 0) return report(run, PrefillDone{RequestId(id), {}});
      if (stage < 6) {
        for (uint32_t c = 0; c < run.choices; ++c) {
          report(run, TokenProduced{RequestId(id), c, static_cast<uint32_t>(stage - 1), {}});
        }
        return;
      }
      runs.erase(id);
      for (uint32_t c = 0; c < run.choices; ++c) {
        report(run, ChoiceEnded{RequestId(id), c, FinishReason::kLength, ""});
      }
      report(run, RequestEnded{RequestId(id), 0});
    };
    const auto check_counts = [&] {
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
    };
    core.Handle(WorkerJoined{NodeId(1), Epoch(1)}, now);
    core.Handle(WorkerJoined{NodeId(2), Epoch(1)}, now);
    for (int i = 0; i < 200; ++i) {
      const uint64_t dice = prng.Below(100);
      if (dice < 25) {
        GenerationRequest request =
            MakeRequest(next++, 1 + prng.Below(50), static_cast<uint32_t>(1 + prng.Below(3)),
                        static_cast<int32_t>(prng.Below(3)));
        request.tenant = std::to_string(prng.Below(3));
        if (prng.Chance(0.3)) request.deadline = Milliseconds(prng.Between(1, 300));
        core.Handle(RequestSubmitted{request}, now);
      } else if (dice < 32) {
        core.Handle(RequestCancelled{RequestId(1 + prng.Below(next))}, now);
      } else if (dice < 36) {
        core.Handle(ChoiceStopped{RequestId(1 + prng.Below(next)), 0}, now);
      } else if (dice < 39) {
        const uint64_t worker = 1 + prng.Below(2);
        const NodeId node(static_cast<uint32_t>(worker));
        // It may be known to be lost before it comes back, and others take over meanwhile.
        if (prng.Chance(0.5)) core.Handle(WorkerLost{node, Epoch(epochs[worker])}, now);
        carry_out();
        core.Handle(WorkerJoined{node, Epoch(++epochs[worker])}, now);
      } else if (dice < 42) {
        core.Handle(TimePassed{}, now);
      } else if (!runs.empty()) {
        step(std::next(runs.begin(), static_cast<long>(prng.Below(runs.size())))->first);
      }
      carry_out();
      check_counts();
      now = now + Milliseconds(prng.Between(0, 5));
    }
    for (int i = 0; i < 2000 && !runs.empty(); ++i) step(runs.begin()->first);
    CHECK(core.live_requests() == 0);
    CHECK(core.queued_requests() == 0);
    CHECK(accepted == ended);
    expired += core.counts().expired;
    CHECK(core.NextDeadline() == std::nullopt);
    for (const auto& [node, worker] : core.workers()) {
      CHECK(worker.live_requests == 0);
      CHECK(worker.unprefilled_requests == 0);
      CHECK(worker.unprefilled_tokens == 0);
    }
  }
  CHECK(expired > 300);  // the seeds are worth nothing if nothing happens in them
}

}  // namespace
}  // namespace cairn
