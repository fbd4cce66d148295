#include "deploy/cli/command_text.h"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include "deploy/cli/simulation/simulate_flags.h"

namespace cairn {
namespace {

std::string TextOf(std::vector<std::string> words) {
  CLI::App root("", "cairn");
  CLI::App* app = root.add_subcommand("simulate", "");
  SimulateFlags flags;
  AddSimulateFlags(*app, flags);
  words.insert(words.begin(), "simulate");
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  root.parse(reversed);
  return CommandText(*app);
}

TEST_CASE("a command is what was asked for, in one form") {
  CHECK(TextOf({"a.jsonl"}) == "cairn simulate a.jsonl");
  CHECK(TextOf({"--workers", "16", "a.jsonl", "--goodput", "--policy=e2,min-ttft", "--compare"}) ==
        "cairn simulate a.jsonl --workers 16 --policy e2,min-ttft --compare --goodput");
  CHECK(TextOf({"a.jsonl", "--no-compare", "-o", "json"}) ==
        "cairn simulate a.jsonl --no-compare --output json");
  CHECK(TextOf({"a.jsonl", "--event", "1s:kill:0", "--event", "2s:return:0"}) ==
        "cairn simulate a.jsonl --event 1s:kill:0,2s:return:0");
  CHECK(TextOf({"a.jsonl", "--host-overhead", "0,2ms"}) ==
        "cairn simulate a.jsonl --host-overhead 0,2ms");
}

TEST_CASE("words that a shell would change are quoted") {
  CHECK(TextOf({"my trace's.jsonl"}) == "cairn simulate 'my trace'\\''s.jsonl'");
}

}  // namespace
}  // namespace cairn
