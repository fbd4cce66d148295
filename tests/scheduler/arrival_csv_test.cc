// Tables of arrivals and lengths.
#include "scheduler/simulator/arrival_csv.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

TEST_CASE("an Azure table is read to the 100 ns of its dates") {
  const Trace trace = MustRead(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n"
      "2023-11-16 18:15:46.6805900,374,44\n"
      "2023-11-16 18:15:50.9951690,396,109\n");
  REQUIRE(trace.requests.size() == 2);
  CHECK(trace.requests[0].input_tokens == 374);
  CHECK(trace.requests[1].output_tokens == 109);
  CHECK(trace.requests[1].arrival.nanoseconds() == 4'314'579'000);
  CHECK(trace.requests[0].blocks.empty());
}

TEST_CASE("columns go by their names, in any order and with others beside them") {
  const Trace trace = MustRead(
      "Model,Request tokens,\"Response tokens\",Timestamp\n"
      "\"a,b\",10,20,5\nc,30,40,6\n");
  CHECK(trace.requests[1].input_tokens == 30);
  CHECK(trace.requests[1].output_tokens == 40);
  CHECK(ArrivalSeconds(trace) == std::vector<double>{0, 1});
  CHECK(ArrivalSeconds(MustRead("arrival_ms,input_tokens,output_tokens\n0,1,1\n1500,1,1\n")) ==
        std::vector<double>{0, 1.5});
}

TEST_CASE("dates count days as the calendar does") {
  CHECK(ParseDate("1970-01-01 00:00:00") == 0);
  CHECK(ParseDate("1970-01-02T00:00:01.5Z") == 86'401'500'000'000);
  // date -u -d '2024-02-29 12:00:00' +%s
  CHECK(ParseDate("2024-02-29 12:00:00") == 1'709'208'000'000'000'000);
  CHECK(ParseDate("2023-11-16 18:15:46.680590+00:00") == 1'700'158'546'680'590'000);
  CHECK_FALSE(ParseDate("2023-11-16").has_value());
  CHECK_FALSE(ParseDate("2023-13-16 18:15:46").has_value());
  CHECK_FALSE(ParseDate("2023-11-16 18:15:46.").has_value());
  CHECK_FALSE(ParseDate("2023-11-16 18:15:46 PST").has_value());
}

TEST_CASE("a bad row is answered with file, line and column") {
  const std::string head = "timestamp,input_tokens,output_tokens\n0,1,1\n";
  CHECK(ReadError(head + "1,2\n") == "t:3: 2 cells under 3 column names");
  CHECK(ReadError(head + "x,2,3\n") == "t:3: arrival: neither a number nor a date");
  CHECK(ReadError(head + "nan,2,3\n") == "t:3: arrival: neither a number nor a date");
  CHECK(ReadError(head + "-1,2,3\n") == "t:3: arrival: neither a number nor a date");
  CHECK(ReadError(head + "1,2.5,3\n") ==
        "t:3: input tokens: not a whole number from 0 to 16777216");
  CHECK(ReadError(head + "1,2,99999999999\n") ==
        "t:3: output tokens: not a whole number from 0 to 16777216");
  CHECK(ReadError("timestamp,input_tokens\n1,2\n").find("t:1: column names: need") == 0);
  CHECK(ReadError(head + "4000000000,1,1\n").find("t: the last request comes over") == 0);
}

}  // namespace
}  // namespace cairn
