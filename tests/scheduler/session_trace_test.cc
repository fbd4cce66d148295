// Sessions of agents: who waits for whom, and which blocks they have in common.
#include "scheduler/simulator/session_trace.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

std::string Session(const std::string& turns, const std::string& head = "\"tool\":0,\"sys\":0") {
  return "{\"id\":\"a\",\"group\":\"g\",\"bs\":64," + head + ",\"req\":[" + turns + "]}\n";
}

constexpr char kFirst[] = R"({"t":0,"in":200,"out":5,"keep":0,"new":[1,3],"think":0,"api":2})";
constexpr char kSecond[] =
    R"({"t":10,"in":330,"out":6,"keep":2,"new":[7,2,20,1],"think":8,"api":3})";

TEST_CASE("a turn keeps blocks of the one before and adds runs") {
  const Trace trace = MustRead(Session(std::string(kFirst) + "," + kSecond));
  CHECK(trace.block_tokens == 64);
  REQUIRE(trace.requests.size() == 2);
  CHECK(trace.requests[0].blocks == std::vector<uint64_t>{1, 2, 3});
  CHECK(trace.requests[1].blocks == std::vector<uint64_t>{1, 2, 7, 8, 20});
}

TEST_CASE("a turn waits for the one before and then thinks") {
  const Trace trace = MustRead(Session(std::string(kFirst) + "," + kSecond));
  CHECK_FALSE(trace.requests[0].previous.has_value());
  CHECK(trace.requests[1].previous == 0u);
  CHECK(trace.requests[1].think == Seconds(8));
  CHECK(trace.requests[1].turn == 1);
  CHECK(trace.requests[1].arrival == trace.requests[0].arrival);
}

TEST_CASE("a pause that was not recorded is taken from the times") {
  const Trace trace = MustRead(
      Session(R"({"t":0,"in":9,"out":5,"keep":0,"api":2},{"t":10,"in":9,"out":5,"keep":0})"));
  CHECK(trace.requests[1].think == Seconds(8));
}

TEST_CASE("ids are the session's own, and equal groups are one tenant") {
  const std::string session = Session(kFirst);
  const Trace trace = MustRead(session + session);
  CHECK(trace.requests[0].blocks != trace.requests[1].blocks);
  CHECK(trace.requests[0].session != trace.requests[1].session);
  CHECK(trace.requests[0].tenant == trace.requests[1].tenant);
}

TEST_CASE("heads of equal sizes are shared between sessions when asked for") {
  TraceReadOptions options;
  options.sessions.share_heads = true;
  const std::string same = Session(kFirst, "\"tool\":64,\"sys\":70");
  const std::string other = Session(kFirst, "\"tool\":64,\"sys\":71");
  const Trace trace = MustRead(same + same + other, options);
  const auto& blocks = trace.requests[0].blocks;
  CHECK(blocks[0] == trace.requests[1].blocks[0]);  // tools
  CHECK(blocks[1] == trace.requests[1].blocks[1]);  // tools and system text
  CHECK(blocks[2] != trace.requests[1].blocks[2]);
  CHECK(blocks[0] == trace.requests[2].blocks[0]);
  CHECK(blocks[1] != trace.requests[2].blocks[1]);
}

// Two sub-agents beside each other, from 2 s to 50 s and to 60 s; the parent goes on at 65 s.
constexpr char kSubAgents[] =
    R"({"t":50,"sub":"x","dur_ms":48000,"tool":0,"sys":0,"req":[
        {"t":0,"in":70,"out":1,"keep":0,"new":[100,1],"think":0,"api":5},
        {"t":9,"in":140,"out":1,"keep":1,"new":[101,1],"think":4,"api":5}]},
       {"t":60,"sub":"x","dur_ms":58000,"tool":0,"sys":0,"req":[
        {"t":0,"in":70,"out":1,"keep":0,"new":[100,1],"think":0,"api":5}]},
       {"t":65,"in":330,"out":6,"keep":3,"new":[7,1],"think":63,"api":3})";

std::string OneLine(std::string text) {
  std::erase(text, '\n');
  return text;
}

TEST_CASE(
    "sub-agents follow the turn that sent them, and the next turn waits for the last of them") {
  const Trace trace = MustRead(Session(OneLine(std::string(kFirst) + "," + kSubAgents)));
  REQUIRE(trace.requests.size() == 5);
  CHECK(trace.requests[1].previous == 0u);
  CHECK(trace.requests[1].think == Duration());
  CHECK(trace.requests[2].previous == 1u);
  CHECK(trace.requests[2].think == Seconds(4));
  CHECK(trace.requests[3].previous == 0u);
  CHECK(trace.requests[4].previous == 3u);
  CHECK(trace.requests[4].think == Seconds(5));
  // A sub-agent starts from nothing; its session's ids are shared.
  CHECK(trace.requests[1].blocks == trace.requests[3].blocks);
  CHECK(trace.requests[2].blocks == std::vector<uint64_t>{100, 101});
  // The parent's blocks are where it left them.
  CHECK(trace.requests[4].blocks == std::vector<uint64_t>{1, 2, 3, 7});
}

TEST_CASE("a sub-agent that runs beside its parent delays nobody") {
  const Trace trace =
      MustRead(Session(OneLine(std::string(kFirst) +
                               R"(,{"t":3,"sub":"x","dur_ms":null,"tool":0,"sys":0,"req":[
          {"t":0,"in":70,"out":1,"keep":0,"new":[100,1],"think":0,"api":50}]},)" +
                               kSecond)));
  REQUIRE(trace.requests.size() == 3);
  CHECK(trace.requests[1].previous == 0u);
  CHECK(trace.requests[1].think == Seconds(1));
  CHECK(trace.requests[2].previous == 0u);
  CHECK(trace.requests[2].think == Seconds(8));
}

TEST_CASE("wrong turns are named with their place in the line") {
  const auto with = [](const std::string& turn) {
    return ReadError(Session(std::string(kFirst) + "," + turn));
  };
  CHECK(with(R"({"t":1,"in":200,"out":1,"keep":4})") ==
        "t:1: req[1].keep: not a whole number from 0 to 3");
  CHECK(with(R"({"t":1,"in":64,"out":1,"keep":2})") ==
        "t:1: req[1].keep: not a whole number from 0 to 1");
  CHECK(with(R"({"t":1,"in":200,"out":1,"keep":0,"new":[1]})") ==
        "t:1: req[1].new: a start without its count");
  CHECK(with(R"({"t":1,"in":200,"out":1,"keep":0,"new":[1,4000000000]})") ==
        "t:1: req[1].new: more blocks of 64 tokens than 200 tokens fill");
  CHECK(with(R"({"t":1,"in":200,"out":1,"keep":0,"new":[18446744073709551615,1]})") ==
        "t:1: req[1].new: a block id over 2^40");
  CHECK(with("7") == "t:1: req: not a list of objects");
  CHECK(with(R"({"t":1,"req":[{"t":0,"in":0,"out":1,"keep":0}]})") ==
        "t:1: sub-agent's req[0].in: not a whole number from 1 to 16777216");
  std::string other = Session(kFirst);
  other.replace(other.find("64"), 2, "32");
  CHECK(ReadError(Session(kFirst) + other) == "t:2: bs: differs from the first line's");
}

}  // namespace
}  // namespace cairn
