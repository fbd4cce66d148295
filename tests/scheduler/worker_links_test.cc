// Both ends of the links: scheduler/core/worker_links.h and worker/core/scheduler_links.h.
#include "scheduler/core/worker_links.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "worker/core/scheduler_links.h"

namespace cairn {
namespace {

constexpr NodeId kWorker{1}, kScheduler{101};

LinkLimits Limits() {
  return {
      .resend_after = Milliseconds(10), .beat = Milliseconds(20), .silence_max = Milliseconds(100)};
}

// A scheduler's end and a worker's end, and the messages between them in the test's hands.
struct House {
  House() { worker.Meet(kScheduler, now); }

  // Carries everything back and forth until nobody has anything to say.
  void Talk() {
    for (bool more = true; more;) {
      more = false;
      for (LinkMessage<Report>& message : worker.TakeMessages(now)) {
        more = true;
        Note(scheduler->Hear(std::move(message), now));
      }
      for (LinkMessage<Assignment>& message : scheduler->TakeMessages(now)) {
        more = true;
        Note(worker.Hear(std::move(message), now));
      }
    }
  }
  // Time passes and nothing gets through.
  void Cut(Duration length) {
    for (const Instant end = now + length; now < end; now = now + Milliseconds(10)) {
      Note(worker.Tick(now));
      Note(scheduler->Tick(now));
      (void)worker.TakeMessages(now);
      (void)scheduler->TakeMessages(now);
    }
  }
  void Give(uint64_t request) {
    GenerationRequest body;
    body.id = RequestId(request);
    scheduler->Send({kWorker, Epoch(1), Assign{body}});
  }
  void Note(const std::vector<SchedulerEvent>& events) {
    for (const SchedulerEvent& event : events) {
      if (const auto* joined = std::get_if<WorkerJoined>(&event)) {
        heard += "J";
        CHECK(joined->role == PhaseRole::kDecodeHeavy);
        CHECK(joined->step_tokens == chunk);
      }
      if (std::holds_alternative<WorkerLost>(event)) heard += "L";
      if (std::holds_alternative<WorkerReported>(event)) heard += "r";
    }
  }
  void Note(const std::vector<Assignment>& assignments) {
    for (const Assignment& one : assignments) {
      if (std::holds_alternative<Assign>(one)) heard += "a";
      if (std::holds_alternative<Cancel>(one)) heard += "c";
    }
  }

  Instant now = Instant() + Seconds(1);
  std::optional<WorkerLinks> scheduler{std::in_place, kScheduler, Epoch(1), Limits()};
  SchedulerLinks worker{kWorker, Epoch(1), PhaseRole::kDecodeHeavy, 64, Limits()};
  uint32_t chunk = 64;  // that the worker greets with
  std::string heard;
};

TEST_CASE("an answer goes to the scheduler that asked, which has given the worker nothing") {
  House house;
  house.Talk();
  house.scheduler->Send({kWorker, Epoch(1), Ask{RequestId(1), {}}});
  house.Talk();
  house.worker.Send(AskAnswered{RequestId(1), 0, 0, 0}, house.now);
  house.worker.Send(AskAnswered{RequestId(1), 0, 0, 0}, house.now);  // nobody has asked again
  house.Talk();
  CHECK(house.heard == "Jr");
  CHECK(house.worker.requests() == 0);
}

TEST_CASE("a worker greets, is welcomed, and has joined when it shows that it heard that") {
  House house;
  std::vector<LinkMessage<Report>> hello = house.worker.TakeMessages(house.now);
  REQUIRE(hello.size() == 1);
  CHECK(hello[0].step == LinkStep::kHello);
  CHECK(house.scheduler->Hear(hello[0], house.now).empty());
  house.Talk();
  CHECK(house.heard == "J");
  house.Give(1);
  house.Talk();
  house.worker.Send(TokenProduced{.request = RequestId(1), .token = {}}, house.now);
  house.worker.Send(RequestEnded{RequestId(1)}, house.now);
  house.Talk();
  CHECK(house.heard == "Jarr");
  CHECK(house.worker.requests() == 0);
}

TEST_CASE("a worker that was cut off is told to stop, and joins again when it has stopped") {
  House house;
  house.Talk();
  house.Give(1);
  house.Talk();
  house.Cut(Milliseconds(200));
  CHECK(house.heard == "JacL");  // both ends have noticed
  house.worker.Send(TokenProduced{.request = RequestId(1), .token = {}},
                    house.now);  // goes nowhere
  house.Talk();
  CHECK(house.heard == "JacL");
  house.worker.Send(ChoiceEnded{.request = RequestId(1), .message = {}}, house.now);
  house.worker.Send(RequestEnded{RequestId(1)}, house.now);
  house.Talk();
  CHECK(house.heard == "JacLJ");
}

TEST_CASE("a worker whose chunk was set greets with that one, not with what it had at first") {
  House house;
  house.Talk();
  house.scheduler->Send({kWorker, Epoch(1), SetPromptChunk{32}});
  house.Talk();
  house.chunk = 32;
  house.Cut(Milliseconds(200));
  house.Talk();
  CHECK(house.heard == "JLJ");
}

TEST_CASE("a late word of a session that is over is answered with its end, and means nothing") {
  House house;
  house.Talk();
  house.Give(1);
  house.Talk();
  house.worker.Send(TokenProduced{.request = RequestId(1), .token = {}}, house.now);
  const std::vector<LinkMessage<Report>> late = house.worker.TakeMessages(house.now);
  house.now = house.now + Milliseconds(150);
  house.Note(house.scheduler->Tick(house.now));    // it has heard nothing for too long
  (void)house.scheduler->TakeMessages(house.now);  // and what it says of that is lost
  CHECK(house.heard == "JaL");
  for (const LinkMessage<Report>& message : late) {
    CHECK(house.scheduler->Hear(message, house.now).empty());
  }
  house.Talk();
  CHECK(house.heard == "JaLc");
}

TEST_CASE("a late greeting opens nothing that is over, and begins nothing with a dead worker") {
  House house;
  const std::vector<LinkMessage<Report>> hello = house.worker.TakeMessages(house.now);
  house.Note(house.scheduler->Hear(hello[0], house.now));
  house.Talk();
  house.Note(house.scheduler->Hear(hello[0], house.now));  // once more: nothing new
  CHECK(house.heard == "J");
  house.Cut(Milliseconds(200));
  CHECK(house.heard == "JL");
  house.Note(house.scheduler->Hear(hello[0], house.now));
  const std::vector<LinkMessage<Assignment>> answer = house.scheduler->TakeMessages(house.now);
  REQUIRE(answer.size() == 1);
  CHECK(answer[0].step == LinkStep::kClose);
  WorkerLinks fresh(kScheduler, Epoch(2), Limits());
  CHECK(fresh.Hear(hello[0], house.now).empty());  // welcomed, and never heard of again
  CHECK(fresh.quiet());
}

TEST_CASE(
    "a scheduler that has restarted is met anew, even if it took an old greeting for a new one") {
  House house;
  const std::vector<LinkMessage<Report>> hello = house.worker.TakeMessages(house.now);
  house.Note(house.scheduler->Hear(hello[0], house.now));
  house.Talk();
  house.Give(1);
  house.Talk();
  CHECK(house.heard == "Ja");
  house.scheduler.emplace(kScheduler, Epoch(2), Limits());
  house.Note(house.scheduler->Hear(hello[0], house.now));
  house.Talk();
  CHECK(house.heard == "Jac");
  house.worker.Send(RequestEnded{RequestId(1)}, house.now);
  house.Talk();
  CHECK(house.heard == "JacJ");
}

TEST_CASE("words about a request go to its scheduler alone, words about the worker to all") {
  House house;
  constexpr NodeId kOther{102};
  WorkerLinks other(kOther, Epoch(1), Limits());
  house.worker.Meet(kOther, house.now);
  const auto talk = [&] {
    size_t reports[2] = {};
    for (int round = 0; round < 6; ++round) {
      for (LinkMessage<Report>& message : house.worker.TakeMessages(house.now)) {
        const bool first = message.id.scheduler == kScheduler;
        WorkerLinks& to = first ? *house.scheduler : other;
        for (const SchedulerEvent& event : to.Hear(std::move(message), house.now)) {
          reports[first ? 0 : 1] += std::holds_alternative<WorkerReported>(event);
        }
      }
      for (WorkerLinks* from : {&*house.scheduler, &other}) {
        for (LinkMessage<Assignment>& message : from->TakeMessages(house.now)) {
          (void)house.worker.Hear(std::move(message), house.now);
        }
      }
    }
    return std::pair(reports[0], reports[1]);
  };
  talk();
  house.Give(1);
  talk();
  house.worker.Send(TokenProduced{.request = RequestId(1), .token = {}}, house.now);
  CHECK(talk() == std::pair<size_t, size_t>(1, 0));
  house.worker.Send(WorkerLoad(), house.now);
  CHECK(talk() == std::pair<size_t, size_t>(1, 1));
}

}  // namespace
}  // namespace cairn
