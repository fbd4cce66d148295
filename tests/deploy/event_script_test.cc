#include "deploy/cli/simulation/event_script.h"

#include <catch2/catch.hpp>
#include <fstream>

namespace cairn {
namespace {

using Kind = ScriptedEvent::Kind;

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<ScriptedEvent> event = ParseScriptedEvent(text);
  REQUIRE_FALSE(event.ok());
  return std::string(event.status().message());
}

TEST_CASE("every kind of event is read, with its time, its workers and how slow") {
  const ScriptedEvent kill = *ParseScriptedEvent("60s:kill:3");
  CHECK(kill.at == Instant() + Seconds(60));
  CHECK(kill.kind == Kind::kKill);
  CHECK(kill.first == 3);
  CHECK(kill.last == 3);
  CHECK(ParseScriptedEvent("1m30s:return:3")->at == Instant() + Seconds(90));
  const ScriptedEvent slow = *ParseScriptedEvent(" 500ms:slow:2-5:300% ");
  CHECK(slow.kind == Kind::kSlow);
  CHECK(slow.first == 2);
  CHECK(slow.last == 5);
  CHECK(slow.percent == 300);
  CHECK(slow.text == "500ms:slow:2-5:300%");
  CHECK(ParseScriptedEvent("74s:add:4")->first == 4);
  CHECK(ParseScriptedEvent("0:remove:0")->kind == Kind::kRemove);
}

TEST_CASE("a bad event says which one it is and what is wrong with it") {
  CHECK(ErrorOf("60s").find("'60s' is not an event: it has too few parts") == 0);
  CHECK(ErrorOf("60:kill:3").find("it has no unit") != std::string::npos);
  CHECK(ErrorOf("60s:explode:3").find("nothing is called 'explode'") != std::string::npos);
  CHECK(ErrorOf("60s:kill:x").find("'x' is not a worker") != std::string::npos);
  CHECK(ErrorOf("60s:kill:5-2").find("'5-2' is not a worker") != std::string::npos);
  CHECK(ErrorOf("60s:kill:-1").find("is not a worker") != std::string::npos);
  CHECK(ErrorOf("60s:kill:1:2").find("too many parts") != std::string::npos);
  CHECK(ErrorOf("60s:slow:2").find("how slow?") != std::string::npos);
  CHECK(ErrorOf("60s:slow:2:300").find("such as 300%") != std::string::npos);
  CHECK(ErrorOf("60s:slow:2:0%").find("such as 300%") != std::string::npos);
  CHECK(ErrorOf("60s:add:0").find("'0' is not a number of workers") != std::string::npos);
}

TEST_CASE("a file of events has comments and empty lines, and a bad line is named") {
  const absl::StatusOr<EventScript> script =
      ParseEventScript("# a failure\n\n60s:kill:3  # rack 2\r\n90s:return:3\n", "f.events");
  REQUIRE(script.ok());
  CHECK(script->size() == 2);
  CHECK(script->at(0).text == "60s:kill:3");
  const absl::StatusOr<EventScript> bad = ParseEventScript("60s:kill:3\n\n70s:kil:3\n", "f.events");
  CHECK(std::string(bad.status().message()).find("f.events:3: '70s:kil:3' is not an event") == 0);
}

TEST_CASE("events of flags and of a file come in order of time") {
  const std::string file = std::string(std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp") +
                           "/event_script_test.events";
  std::ofstream(file) << "10s:kill:1\n";
  const absl::StatusOr<EventScript> script = LoadEventScript({"20s:return:1", "5s:add:1"}, file);
  REQUIRE(script.ok());
  CHECK(script->at(0).kind == Kind::kAdd);
  CHECK(script->at(1).kind == Kind::kKill);
  CHECK(script->at(2).kind == Kind::kReturn);
  CHECK_FALSE(LoadEventScript({}, "/nonexistent/events").ok());
  CHECK(std::string(LoadEventScript({"x"}, "").status().message()).find("--event: 'x'") == 0);
  std::remove(file.c_str());
}

TEST_CASE("who is named must be there from the start, unless he was added before") {
  const auto needed = [](const std::string& text) {
    return WorkersNeeded(*ParseEventScript(text, ""));
  };
  CHECK(needed("") == 1);
  CHECK(needed("1s:kill:3") == 4);
  CHECK(needed("1s:kill:2-6") == 7);
  CHECK(needed("1s:add:4\n2s:kill:5") == 2);
  CHECK(needed("1s:add:4\n2s:kill:1") == 1);
}

TEST_CASE("a script becomes what happens to the cluster") {
  const EventScript script =
      *ParseEventScript("1s:add:2\n2s:kill:0-1\n3s:slow:1:50%\n4s:return:0\n5s:remove:3", "");
  const std::vector<WorldEvent> world = WorldOf(script, WorkerOptions{.step_percent = 42});
  REQUIRE(world.size() == 7);
  CHECK(std::get<WorkerAdded>(world[0].what).options.step_percent == 42);
  CHECK(std::get<WorkerAdded>(world[1].what).options.step_percent == 42);
  CHECK(std::get<WorkerDies>(world[2].what).worker == 0);
  CHECK(std::get<WorkerDies>(world[3].what).worker == 1);
  CHECK(std::get<WorkerSlows>(world[4].what).step_percent == 50);
  CHECK(std::get<WorkerReturns>(world[5].what).worker == 0);
  CHECK(std::get<WorkerRemoved>(world[6].what).worker == 3);
  CHECK(world[6].at == Instant() + Seconds(5));
}

}  // namespace
}  // namespace cairn
