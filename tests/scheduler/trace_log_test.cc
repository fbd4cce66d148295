// A recorded trace from the port to the file and back.
#include "scheduler/shell/trace_log.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "kvstore/shell/system_clock.h"
#include "scheduler/shell/recording_port.h"
#include "scheduler/simulator/trace_file.h"
#include "tests/scheduler/echo_port.h"
#include "tests/support/scratch_folder.h"

namespace cairn {
namespace {

class Deaf : public GenerationObserver {
 public:
  void OnPrefillDone(const PromptUsage&) override {}
  void OnToken(uint32_t, const SampledToken&) override { ++tokens; }
  void OnChoiceEnded(uint32_t, FinishReason, const std::string&) override {}
  void OnRequestEnded() override { ended = true; }
  int tokens = 0;
  bool ended = false;
};

std::unique_ptr<TraceLog> MustOpen(const TraceLogOptions& options) {
  auto log = TraceLog::Open(options, TraceScribe({}, 16, Instant()), nullptr);
  INFO(log.status());
  REQUIRE(log.ok());
  return *std::move(log);
}

ServedRequest Served(TokenId family, size_t prompt) {
  ServedRequest served{
      .arrival = Instant() + Seconds(1), .ended = Instant() + Seconds(2), .output_tokens = 3};
  served.prompt.assign(prompt, family);
  return served;
}

Trace MustReadFile(const std::string& path) {
  absl::StatusOr<Trace> trace = ReadTraceFile(path, "", {});
  INFO(trace.status());
  REQUIRE(trace.ok());
  return *std::move(trace);
}

TEST_CASE("what goes through the port is in the file when the log is closed") {
  const ScratchFolder folder;
  const std::string path = folder.path() / "served.jsonl";
  const SystemClock clock;
  EchoPort echo(-1);
  const auto client = std::make_shared<Deaf>();
  {
    std::shared_ptr<TraceLog> log = MustOpen({.path = path});
    RecordingPort port(echo, log, clock, false);
    for (const size_t length : {40u, 80u}) {
      GenerationRequest request;
      request.id = port.NextRequestId();
      for (size_t i = 0; i < length; ++i)
        request.prompt.push_back('a' + static_cast<TokenId>(i % 20));
      request.max_tokens = 5;
      request.ignore_eos = true;
      request.session = "s";
      REQUIRE(port.Submit(std::move(request), client).status.ok());
      while (echo.Step()) {
      }
    }
    CHECK(client->tokens == 10);
    CHECK(client->ended);
    CHECK(port.Snapshot().trace.has_value());
  }
  const Trace trace = MustReadFile(path);
  REQUIRE(trace.requests.size() == 2);
  CHECK(trace.requests[0].input_tokens == 40);
  CHECK(trace.requests[1].input_tokens == 80);
  CHECK(trace.requests[1].output_tokens == 5);
  CHECK(trace.requests[1].previous == 0);
  CHECK(trace.requests[0].blocks == std::vector<uint64_t>(trace.requests[1].blocks.begin(),
                                                          trace.requests[1].blocks.begin() + 2));
}

TEST_CASE(
    "lines are on their way to the disk as soon as they are written, not when the log closes") {
  const ScratchFolder folder;
  const std::string path = folder.path() / "served.jsonl";
  const auto log = MustOpen({.path = path});
  REQUIRE(log->TryAppend(Served(7, 50)));
  while (log->written() == 0) std::this_thread::yield();
  CHECK(MustReadFile(path).requests.size() == 1);
}

TEST_CASE("a file that is too long makes way, and so does one that was there before") {
  const ScratchFolder folder;
  const std::string path = folder.path() / "served.jsonl";
  std::ofstream(path) << "of another day\n";
  {
    const auto log = MustOpen({.path = path, .bytes_max = 2000});
    std::ifstream old(path + ".1");
    CHECK(std::string(std::istreambuf_iterator<char>(old), {}) == "of another day\n");
    for (TokenId i = 0; i < 100; ++i) REQUIRE(log->TryAppend(Served(i, 100)));
  }
  CHECK(std::filesystem::file_size(path) < 2500);
  CHECK(std::filesystem::file_size(path + ".1") < 2500);
  CHECK(!MustReadFile(path).requests.empty());
  CHECK(MustReadFile(path + ".1").requests.size() > 5);
}

TEST_CASE("what does not fit on its way is dropped and counted, and nobody waits for it") {
  const ScratchFolder folder;
  const auto log = MustOpen({.path = folder.path() / "served.jsonl", .waiting_max = 2});
  uint64_t dropped = 0;
  for (int i = 0; i < 2000; ++i) dropped += !log->TryAppend(Served(7, 20'000));
  CHECK(dropped > 0);
  CHECK(log->dropped() == dropped);
  while (log->written() + dropped < 2000) std::this_thread::yield();
  CHECK(log->written() + log->dropped() == 2000);
}

TEST_CASE("a file that cannot be written is refused with its name") {
  const auto log =
      TraceLog::Open({.path = "/nowhere/served.jsonl"}, TraceScribe({}, 16, {}), nullptr);
  CHECK(log.status().message().find("/nowhere/served.jsonl") != std::string::npos);
}

}  // namespace
}  // namespace cairn
