#include "scheduler/simulator/trace_scribe.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

Instant At(int64_t ms) { return Instant() + Seconds(1000) + Milliseconds(ms); }

ServedRequest Served(int64_t arrival_ms, int64_t ended_ms, TokenId family, size_t prompt,
                     const std::string& session = "") {
  ServedRequest served{.arrival = At(arrival_ms), .ended = At(ended_ms), .output_tokens = 7};
  for (size_t i = 0; i < prompt; ++i) served.prompt.push_back(family + static_cast<TokenId>(i));
  served.session = session;
  return served;
}

TEST_CASE("what was served reads back: when, how long, what is shared, who asked again") {
  TraceScribe scribe({}, 16, At(0));
  std::string text = scribe.Head();
  text += scribe.Line(Served(0, 500, 0, 100, "a"));
  text += scribe.Line(Served(100, 600, 5000, 40));
  ServedRequest next = Served(2500, 2600, 0, 130, "a");
  next.tenant = "somebody";
  next.latency_class = "interactive";
  text += scribe.Line(next);
  const Trace trace = MustRead(text);
  REQUIRE(trace.requests.size() == 3);
  CHECK(trace.block_tokens == 16);
  const TraceRequest& first = trace.requests[0];
  CHECK(first.input_tokens == 100);
  CHECK(first.output_tokens == 7);
  CHECK(first.blocks.size() == 6);
  // A closed loop: it thought for two seconds, and its session began at 0.
  const TraceRequest& turn = trace.requests[1].turn == 1 ? trace.requests[1] : trace.requests[2];
  CHECK(turn.turn == 1);
  CHECK(turn.session == first.session);
  CHECK(turn.previous == 0);
  CHECK(turn.think == Milliseconds(2000));
  CHECK(turn.tenant != first.tenant);
  CHECK(ClassOf(trace, turn) == "interactive");
  CHECK(ClassOf(trace, first).empty());
  REQUIRE(turn.blocks.size() == 8);
  CHECK(std::equal(first.blocks.begin(), first.blocks.end(), turn.blocks.begin()));
}

TEST_CASE("other salts share nothing, and no word of a prompt, tenant or session is in a line") {
  TraceScribe scribe({}, 16, At(0));
  ServedRequest one = Served(0, 1, 0, 32, "my-session"), other = one;
  one.tenant = "my-tenant";
  other.cache_salt = "salt";
  std::string text = scribe.Head();
  text += scribe.Line(one);
  text += scribe.Line(other);
  const Trace trace = MustRead(text);
  CHECK(trace.requests[0].blocks[0] != trace.requests[1].blocks[0]);
  CHECK(text.find("my-") == std::string::npos);
}

TEST_CASE("a turn that came before the last one was answered did not wait for it") {
  TraceScribe scribe({}, 16, At(0));
  std::string text = scribe.Head();
  text += scribe.Line(Served(0, 900, 0, 20, "s"));
  text += scribe.Line(Served(300, 1000, 0, 20, "s"));
  text += scribe.Line(Served(1500, 1600, 0, 20, "s"));
  const Trace trace = MustRead(text);
  REQUIRE(trace.requests.size() == 3);
  CHECK(trace.requests[1].arrival - trace.requests[0].arrival == Milliseconds(300));
  CHECK_FALSE(trace.requests[1].previous.has_value());
  CHECK(trace.requests[2].previous == 1);
  CHECK(trace.requests[2].think == Milliseconds(500));
}

TEST_CASE("a new file points to no line of the old one, and sessions are forgotten at the limit") {
  TraceScribe scribe({}, 16, At(0));
  scribe.Head();
  scribe.Line(Served(0, 1, 0, 20, "s"));
  std::string text = scribe.Head();
  text += scribe.Line(Served(10, 20, 0, 20, "s"));
  const Trace trace = MustRead(text);
  CHECK_FALSE(trace.requests[0].previous.has_value());
  for (size_t i = 0; i <= TraceScribe::kSessionsMax; ++i) {
    scribe.Line(Served(30, 40, 0, 1, std::to_string(i)));
  }
  CHECK(scribe.Line(Served(50, 60, 0, 20, "s")).find("previous") == std::string::npos);
  CHECK(scribe.Line(Served(70, 80, 0, 20, "s")).find("previous") != std::string::npos);
}

}  // namespace
}  // namespace cairn
