#include "scheduler/core/scheduler_core.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "tests/scheduler/scheduler_desk.h"

namespace cairn {
namespace {

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
  desk.Do(RequestSubmitted{MakeRequest(2, 15'000)});
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
  const auto longer = [](uint64_t id) {
    GenerationRequest request = MakeRequest(id, 3998 + id);
    request.cache_salt = absl::StrCat("shares nothing ", id);
    return RequestSubmitted{request};
  };
  desk.Do(longer(2));
  desk.Do(longer(3));  // goes behind the second, which is shorter
  REQUIRE(desk.shed.size() == 1);
  CHECK(desk.shed[0].reason == ShedReason::kWaitTooLong);
  // 12 s wait, 10 may, and an eighth is kept for those who come when they were told to.
  CHECK(desk.shed[0].retry_after == Seconds(4));
  load.prefill_tokens_left = 8000 - 3000;
  desk.Do(WorkerReported{kWorker, kEpoch, load}, Instant() + Seconds(3));
  desk.Do(longer(4), Instant() + Seconds(3));
  CHECK(desk.shed.size() == 2);
  desk.Do(longer(5), Instant() + Seconds(4));
  CHECK(desk.shed.size() == 2);
}

TEST_CASE("a short prompt is let in where it goes before those that would take too long") {
  Desk desk({.queue_wait_max = Seconds(10), .unprefilled_requests_max = 1});
  desk.JoinWithKnownSpeed();
  desk.Do(RequestSubmitted{MakeRequest(1, 8000)});
  GenerationRequest longer = MakeRequest(2, 4000);
  longer.cache_salt = "shares nothing";
  desk.Do(RequestSubmitted{longer});
  desk.Do(RequestSubmitted{MakeRequest(3, 10)});
  CHECK(desk.shed.empty());
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

}  // namespace
}  // namespace cairn
