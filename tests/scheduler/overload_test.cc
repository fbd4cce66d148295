#include "scheduler/core/overload.h"

#include <catch2/catch.hpp>
#include <vector>

#include "scheduler/core/appointment_book.h"

namespace cairn {
namespace {

constexpr Gauge kHalfFull{
    .level = 50, .need = 1, .promised = 0, .max = 100, .falls = {10, 1'000'000'000}};

DoorVerdict Judge(Gauge gauge, bool expected = false, uint32_t shows = 1024) {
  return JudgeAtDoor(std::vector<Gauge>{gauge}, expected, shows);
}

TEST_CASE("the door is open up to the limit, and says when there will be room again") {
  Gauge gauge = kHalfFull;
  gauge.level = 99;
  CHECK_FALSE(Judge(gauge).shed);
  gauge.level = 100;
  const DoorVerdict verdict = Judge(gauge);
  CHECK(verdict.shed);
  CHECK(verdict.retry_after == Seconds(2));  // 13 too many, ten a second go
  gauge.falls = {};
  CHECK(Judge(gauge).retry_after == Seconds(1));
}

TEST_CASE("room that was promised is kept from who was not told to come") {
  Gauge gauge = kHalfFull;
  gauge.level = 70;
  gauge.promised = 10;
  CHECK_FALSE(Judge(gauge).shed);
  gauge.promised = 18;
  CHECK(Judge(gauge).shed);
  CHECK_FALSE(Judge(gauge, true).shed);
  gauge.level = 99;
  CHECK_FALSE(Judge(gauge, true).shed);
  gauge.level = 100;
  CHECK(Judge(gauge, true).shed);
  gauge.level = 40;  // below half there is room for all
  gauge.promised = 1000;
  CHECK_FALSE(Judge(gauge).shed);
}

TEST_CASE("the first limit that is reached is the reason, the slowest one says when") {
  Gauge full = kHalfFull, later = kHalfFull;
  full.reason = ShedReason::kQueuedTokens;
  full.level = 100;
  later.reason = ShedReason::kLiveRequests;
  later.promised = 200;
  later.level = 100;
  const DoorVerdict verdict = JudgeAtDoor(std::vector<Gauge>{kHalfFull, full, later}, false, 1024);
  CHECK(verdict.reason == ShedReason::kQueuedTokens);
  CHECK(verdict.retry_after == Seconds(22));
}

TEST_CASE("who could not even come in alone hears of that limit, whatever else is full just now") {
  Gauge full = kHalfFull, hopeless = kHalfFull;
  full.level = 100;
  hopeless.reason = ShedReason::kTooLate;
  hopeless.need = 101;
  for (const std::vector<Gauge>& gauges : {std::vector{full, hopeless}, {hopeless, full}}) {
    const DoorVerdict verdict = JudgeAtDoor(gauges, false, 1024);
    CHECK(verdict.shed);
    CHECK(verdict.hopeless);
    CHECK(verdict.reason == ShedReason::kTooLate);
    CHECK(verdict.retry_after == Seconds(1));
  }
}

TEST_CASE("a time limit falls as time goes, but not what comes behind the wait") {
  const Gauge gauge = TimeGauge(ShedReason::kWaitTooLong, Seconds(12), Seconds(1), {}, Seconds(8));
  CHECK(Judge(gauge).retry_after == Seconds(6));
  const Gauge never = TimeGauge(ShedReason::kTooLate, Seconds(12), Seconds(9), {}, Seconds(8));
  CHECK(Judge(never).retry_after == Seconds(1));
  CHECK(Judge(never).hopeless);
  CHECK_FALSE(Judge(gauge).hopeless);
}

TEST_CASE("an appointment is kept once, by its tenant, and not before its time") {
  AppointmentBook book;
  const auto at = [](int64_t s) { return Instant() + Seconds(s); };
  book.Make(1, at(5), 100, 60);
  book.Make(2, at(3), 10, 10);
  CHECK(book.promised().requests == 2);
  CHECK(book.promised().prompt_tokens == 110);
  CHECK(book.promised(1).work_tokens == 60);
  CHECK_FALSE(book.Keep(1, at(4)));
  CHECK_FALSE(book.Keep(3, at(9)));
  CHECK(book.Keep(1, at(5)));
  CHECK_FALSE(book.Keep(1, at(5)));
  CHECK(book.promised().requests == 1);
  book.Forget(at(5));
  CHECK(book.size() == 1);
  book.Forget(at(5) + Nanoseconds(1));
  CHECK(book.size() == 0);
  CHECK(book.promised(2).requests == 0);
}

TEST_CASE("nothing is kept for clients that never come back, once that is known") {
  AppointmentBook book;
  for (int64_t i = 0; i < 300; ++i) {
    const Instant now = Instant() + Seconds(i);
    book.Forget(now);
    for (int j = 0; j < 3; ++j) book.Make(0, now + Seconds(10), 100, 100);
  }
  CHECK(book.shows_q10() < 40);
  CHECK(book.promised().requests <= 1);
  for (int64_t i = 310; i < 400; ++i) {
    const Instant now = Instant() + Seconds(i);
    book.Make(0, now, 1, 1);
    CHECK(book.Keep(0, now));
  }
  CHECK(book.shows_q10() > 900);
}

TEST_CASE("a drain is measured while there is something to drain") {
  DrainMeter meter;
  CHECK_FALSE(meter.pace().known());
  const auto at = [](int64_t ms) { return Instant() + Milliseconds(ms); };
  meter.Begin(at(0));
  meter.Finish(400, true, at(400));
  CHECK_FALSE(meter.pace().known());
  meter.Finish(600, false, at(1000));
  CHECK(meter.pace().TimeFor(500) == Milliseconds(500));
  meter.Begin(at(60'000));  // a pause does not count
  meter.Finish(1000, false, at(61'000));
  CHECK(meter.pace().TimeFor(500) == Milliseconds(500));
  meter.Begin(at(70'000));
  meter.Finish(0, true, at(72'000));  // nothing came of it
  CHECK(meter.pace().TimeFor(500) == Milliseconds(1000));
}

}  // namespace
}  // namespace cairn
