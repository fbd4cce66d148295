// Formats of traces: what is read, and what is said of lines that are wrong.
#include "scheduler/simulator/trace_reader.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

constexpr char kMooncake[] =
    R"({"timestamp": 0, "input_length": 1030, "output_length": 5, "hash_ids": [0, 1, 2]}
{"timestamp": 3000, "input_length": 600, "output_length": 7, "hash_ids": [0, 3]}
)";

std::string Line(std::string_view timestamp, std::string_view input, std::string_view output,
                 std::string_view ids) {
  return std::string("{\"timestamp\": ") + std::string(timestamp) +
         ", \"input_length\": " + std::string(input) +
         ", \"output_length\": " + std::string(output) + ", \"hash_ids\": " + std::string(ids) +
         "}\n";
}

TEST_CASE("a Mooncake trace is read with its blocks of 512 tokens") {
  const Trace trace = MustRead(kMooncake);
  CHECK(trace.block_tokens == 512);
  CHECK(trace.name == "t");
  REQUIRE(trace.requests.size() == 2);
  CHECK(trace.requests[0].blocks == std::vector<uint64_t>{0, 1, 2});
  CHECK(trace.requests[0].input_tokens == 1030);
  CHECK(trace.requests[0].output_tokens == 5);
  CHECK(trace.requests[1].arrival == Instant() + Seconds(3));
  CHECK(trace.requests[0].session != trace.requests[1].session);
  CHECK(TokensOfBlocks(trace, trace.requests[0], 2) == 1024);
  CHECK(TokensOfBlocks(trace, trace.requests[0], 3) == 1030);
}

TEST_CASE("what was read is written down, with a hash of the bytes") {
  const Trace trace = MustRead(kMooncake);
  REQUIRE(trace.history.size() == 1);
  // printf '...' | sha256sum
  CHECK(trace.history[0].find("read t (mooncake, sha256 ") == 0);
  CHECK(trace.history[0] == MustRead(kMooncake).history[0]);
  CHECK(trace.history[0] != MustRead(std::string(kMooncake) + "\n").history[0]);
}

TEST_CASE("the hash is that of sha256sum") {
  StringSource source("abc");
  LineReader lines("t", source);
  while (lines.Next()->has_value()) continue;
  CHECK(lines.Digest() == "ba7816bf8f01cfea");
}

TEST_CASE("arrivals out of order are put in order, from 0") {
  const Trace trace = MustRead(Line("9000", "10", "1", "[]") + Line("5000", "20", "1", "[]"));
  CHECK(ArrivalSeconds(trace) == std::vector<double>{0, 4});
  CHECK(trace.requests[0].input_tokens == 20);
}

TEST_CASE("an answer of no tokens counts as one") {
  CHECK(MustRead(Line("0", "10", "0", "[]")).requests[0].output_tokens == 1);
}

TEST_CASE("a bad line is answered with file, line and field") {
  const std::string good = kMooncake;
  CHECK(ReadError(good + "{") == "t:3: not JSON");
  CHECK(ReadError(good + "7") == "t:3: not a JSON object");
  CHECK(ReadError(good + "\n\n" + Line("0", "0", "1", "[]")) ==
        "t:5: input_length: not a whole number from 1 to 16777216");
  CHECK(ReadError(good + Line("-1", "5", "1", "[]")).find("t:3: timestamp: not a number") == 0);
  CHECK(ReadError(good + Line("1", "5", "1.5", "[]")).find("t:3: output_length: ") == 0);
  CHECK(ReadError(good + Line("1", "5", "\"1\"", "[]")).find("t:3: output_length: ") == 0);
  CHECK(ReadError(good + Line("1", "5", "1", "[1, 2]")) ==
        "t:3: hash_ids: 2 blocks of 512 tokens for 5 tokens");
  CHECK(ReadError(good + Line("1", "5", "1", "[-1]")) ==
        "t:3: hash_ids: not a list of whole numbers");
  CHECK(ReadError(good + Line("1", "5", "1", "{}")) == "t:3: hash_ids: not a list");
  CHECK(ReadError(good + "{\"timestamp\": 1}") == "t:3: input_length: is missing");
}

TEST_CASE("what is no trace is named as such") {
  CHECK(ReadError("") == "t: empty");
  CHECK(ReadError("\n \n") == "t: empty");
  CHECK(ReadError("{\"a\": 1}").find("t:1: JSON, but of no trace known here") == 0);
  CHECK(ReadError("hello").find("t:1: neither JSON nor") == 0);
  CHECK(ReadError("TIMESTAMP,ContextTokens,GeneratedTokens\n") == "t: no requests in it");
  TraceReadOptions options;
  options.format = TraceFormat::kSessions;
  CHECK(ReadError(kMooncake, options) == "t:1: bs: is missing");
  CHECK(ParseTraceFormat("mooncake").value() == TraceFormat::kMooncake);
  CHECK(std::string(ParseTraceFormat("moon").status().message()) ==
        "no trace format 'moon': one of mooncake, sessions, arrivals, servegen, recorded");
}

TEST_CASE("a line, a file and a trace over their limits are refused") {
  TraceReadOptions options;
  options.lines.line_bytes_max = 100;
  CHECK(ReadError(kMooncake, options) == "");
  CHECK(ReadError(std::string(kMooncake) + std::string(101, ' '), options) ==
        "t:3: a line over 100 bytes: is this a trace?");
  options.lines.file_bytes_max = 150;
  CHECK(ReadError(kMooncake, options).find("t: over 150 bytes") == 0);
  options = {};
  options.limits.requests_max = 1;
  CHECK(ReadError(kMooncake, options) == "t:2: over 1 requests: cut the trace into several");
  options = {};
  options.limits.blocks_max = 4;
  CHECK(ReadError(kMooncake, options) == "t:2: over 4 blocks: cut the trace into several");
}

TEST_CASE("lines end as on any system, and a byte order mark is passed over") {
  const Trace trace = MustRead(
      "\xEF\xBB\xBFTIMESTAMP,ContextTokens,GeneratedTokens\r\n"
      "1.5,10,20\r\n\r\n2.5,30,40");
  REQUIRE(trace.requests.size() == 2);
  CHECK(trace.requests[1].output_tokens == 40);
  CHECK(ArrivalSeconds(trace) == std::vector<double>{0, 1});
}

TEST_CASE("a long line that arrives in pieces is put together") {
  std::string ids = "[1000000000";
  for (int i = 1; i < 30'000; ++i) ids += ", " + std::to_string(1'000'000'000 + i);
  const Trace trace = MustRead(kMooncake + Line("4000", "16000000", "1", ids + "]"));
  CHECK(trace.requests[2].blocks.size() == 30'000);
  CHECK(trace.requests[2].blocks.back() == 1'000'029'999);
}

}  // namespace
}  // namespace cairn
