// Our own trace format: what is written is read back.
#include "scheduler/simulator/recorded_trace.h"

#include <catch2/catch.hpp>
#include <string>

#include "kvstore/base/prng.h"
#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

std::string Written(const Trace& trace) {
  std::string text = RecordedHead(trace.block_tokens);
  for (const TraceRequest& request : trace.requests) text += RecordedLine(trace, request);
  return text;
}

Trace SomeTrace(uint64_t seed) {
  Prng prng(seed);
  Trace trace;
  trace.block_tokens = 16;
  for (uint32_t i = 0; i < 50; ++i) {
    TraceRequest request;
    request.session = i % 7;
    request.turn = i / 7;
    request.tenant = i % 3;
    request.arrival = Instant::FromNanoseconds(i % 7 * 1'000'000'007);
    if (request.turn > 0) {
      request.previous = i - 7;
      request.think = Nanoseconds(prng.Between(0, 5'000'000'000));
    }
    request.input_tokens = static_cast<uint32_t>(prng.Between(1, 200));
    request.output_tokens = static_cast<uint32_t>(prng.Between(1, 99));
    for (uint32_t b = 0; b < request.input_tokens / 16; ++b) request.blocks.push_back(prng.Next());
    trace.requests.push_back(std::move(request));
  }
  SortByArrival(trace);
  return trace;
}

TEST_CASE("what is written is read back, sessions and pauses included") {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Trace trace = SomeTrace(seed);
    REQUIRE(CheckTrace(trace).ok());
    const Trace back = MustRead(Written(trace));
    CHECK(back.block_tokens == 16);
    CHECK(back.requests == trace.requests);
  }
}

TEST_CASE("a line names keys by their first digits and holds no text") {
  Trace trace;
  trace.block_tokens = 16;
  TraceRequest request;
  request.arrival = Instant::FromNanoseconds(12);
  request.input_tokens = 33;
  request.output_tokens = 4;
  request.blocks = {0xabc, 0xffffffffffffffff};
  request.session = 3;
  CHECK(RecordedHead(16) == "{\"cairn_trace\":1,\"block_tokens\":16}\n");
  CHECK(RecordedLine(trace, request) ==
        "{\"arrival_ns\":12,\"input_tokens\":33,\"output_tokens\":4,\"session\":3,"
        "\"blocks\":\"0000000000000abcffffffffffffffff\"}\n");
}

TEST_CASE("a last line that a crash cut off is left out, and said to be") {
  const std::string text = Written(SomeTrace(1));
  const Trace trace = MustRead(text.substr(0, text.size() - 20));
  CHECK(trace.requests.size() == 49);
  CHECK(trace.history.back() == "left out the last line, which was cut off");
  // In the middle it is an error.
  CHECK(ReadError(text.substr(0, text.size() - 20) + "\n") == "t:51: not JSON");
}

TEST_CASE("wrong lines of a recorded trace are named") {
  const auto with = [](const std::string& fields) {
    return ReadError(RecordedHead(16) +
                     "{\"arrival_ns\":5,\"input_tokens\":20,\"output_tokens\":1" + fields + "}\n");
  };
  CHECK(with(R"(,"blocks":"0000000000000abc")") == "");
  CHECK(with(R"(,"blocks":"abc")") == "t:2: blocks: not 16 digits a block");
  CHECK(with(R"(,"blocks":"000000000000000x")") == "t:2: blocks: not hexadecimal");
  CHECK(with(R"(,"blocks":")" + std::string(48, '0') + "\"") ==
        "t:2: blocks: more than 20 tokens fill");
  CHECK(with(R"(,"session":1,"turn":1,"previous":0)") ==
        "t:2: previous: no earlier line has that turn of the session");
  CHECK(ReadError("{\"cairn_trace\":2,\"block_tokens\":16}\n") ==
        "t:1: cairn_trace: not a whole number from 1 to 1");
  CHECK(ReadError(RecordedHead(16) +
                  "{\"arrival_ns\":5,\"input_tokens\":2,\"output_tokens\":1,\"session\":1}\n"
                  "{\"arrival_ns\":4,\"input_tokens\":2,\"output_tokens\":1,\"session\":1,"
                  "\"turn\":1,\"previous\":0}\n") == "t:3: previous: that turn arrives later");
}

}  // namespace
}  // namespace cairn
