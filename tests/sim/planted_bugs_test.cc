// A checker that never fired proves nothing: each planted bug must be caught, within so many seeds,
// by a checker that is there for it. A bug that a CAIRN_CHECK stops ends its process, so each has
// its own.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "tests/sim/handoff_sim.h"
#include "tests/sim/planted/planted_bug.h"
#include "tests/sim/worker_sim.h"

namespace cairn::sim {
namespace {

constexpr uint64_t kSeedsMax = 2000;
constexpr int kFirstHandoffBug = 23;  // from here on several workers are needed

struct PlantedBug {
  int number;  // in planted/bugs.cmake
  const char* name;
  std::vector<std::string> caught_by;  // any of these; "check" is a CAIRN_CHECK in the code itself
};

const std::vector<PlantedBug>& PlantedBugs() {
  static const std::vector<PlantedBug> kBugs = {
      {1, "wrong key: the salt is forgotten", {"hit_truth"}},
      {2, "wrong key: the parent is forgotten", {"token_oracle", "hit_truth"}},
      {3, "stale slot: a table keeps a slot that was given back", {"token_oracle", "lease_safety"}},
      {4, "stale copy: an evicted block is still found", {"token_oracle", "lease_safety", "check"}},
      {5, "early reuse under a lease", {"lease_safety", "token_oracle", "block_account"}},
      {6, "double free", {"check"}},
      {7, "lost cancel", {"cancel"}},
      {8, "read before ready", {"publish_after_ready", "token_oracle"}},
      {9, "publish before ready", {"token_oracle"}},
      {10, "skipped copy-on-write", {"token_oracle"}},
      {11, "the source of a copy is reused too early", {"lease_safety", "token_oracle"}},
      {12, "resume at a wrong position", {"token_oracle"}},
      {13, "off by one: a partial block counts as matched", {"token_oracle", "check"}},
      {14, "a demotion frees its source before the copy is there", {"lease_safety"}},
      {15, "nobody compares checksums", {"token_oracle"}},
      {16, "a token repeated after a preemption", {"report_order"}},
      {17, "head evicted before its tail", {"check"}},
      {18, "reservations leak", {"block_account", "progress", "check"}},
      {19, "one slot over budget", {"budget"}},
      {20, "a forgotten wake-up", {"progress"}},
      {21, "all choices draw the same numbers", {"token_oracle"}},
      {22, "a stop token reaches the client", {"end_reason"}},
      {23, "nobody compares the checksums of what was fetched", {"token_oracle"}},
      {24, "a partial block counts for more than came", {"token_oracle"}},
      {25, "what is being sent is held no longer than the loan", {"lease_safety"}},
      {26, "a loan is forgotten and stays", {"block_account", "progress"}},
      {27, "what was said last is not resumed", {"token_oracle", "report_order"}},
  };
  return kBugs;
}

// What stopped the first seed that did not pass.
struct Prey {
  std::string checker;  // empty: all seeds passed
  std::string what;
  uint64_t seeds = 0;
};

// In the child: writes "checker\nseeds\nwhat" and never returns.
[[noreturn]] void HuntInChild(int bug, int out) {
  planted_bug = bug;
  ::dup2(out, STDERR_FILENO);  // a CAIRN_CHECK speaks there
  std::signal(SIGABRT, SIG_DFL);
  for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    const std::string mark = "seed " + std::to_string(seed) + "\n";
    if (::write(out, mark.data(), mark.size()) < 0) ::_exit(2);
    std::string checker, what;
    if (bug < kFirstHandoffBug) {
      const SimResult result = WorkerSim(DrawOptions(seed)).Run();
      checker = result.checker;
      what = result.what;
    } else {
      const HandoffResult result = HandoffSim(DrawHandoffOptions(seed)).Run();
      checker = result.checker;
      what = result.what;
    }
    if (checker.empty()) continue;
    const std::string text = "caught " + checker + "\n" + what;
    if (::write(out, text.data(), text.size()) < 0) ::_exit(2);
    ::_exit(1);
  }
  ::_exit(0);
}

Prey Hunt(int bug) {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(pipe[0]);
    HuntInChild(bug, pipe[1]);
  }
  ::close(pipe[1]);
  std::string said;
  std::array<char, 4096> chunk{};
  for (ssize_t n; (n = ::read(pipe[0], chunk.data(), chunk.size())) > 0;) {
    said.append(chunk.data(), static_cast<size_t>(n));
  }
  ::close(pipe[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);

  Prey caught;
  size_t last_mark = 0;
  for (size_t at = said.find("seed "); at == last_mark && at != std::string::npos;) {
    ++caught.seeds;
    last_mark = said.find('\n', at) + 1;
    at = said.compare(last_mark, 5, "seed ") == 0 ? last_mark : std::string::npos;
  }
  std::string rest = said.substr(last_mark);
  if (WIFSIGNALED(status)) {
    caught.checker = "check";
    caught.what = rest;
  } else if (WEXITSTATUS(status) != 0) {
    const size_t line = rest.find('\n');
    caught.checker = rest.compare(0, 7, "caught ") == 0 ? rest.substr(7, line - 7) : "exit";
    caught.what = line == std::string::npos ? rest : rest.substr(line + 1);
  }
  return caught;
}

TEST_CASE("every planted bug is caught by a checker that is there for it") {
  for (const PlantedBug& bug : PlantedBugs()) {
    const Prey caught = Hunt(bug.number);
    std::string what = caught.what.substr(0, caught.what.find('\n'));
    std::cout << "  " << bug.number << " " << bug.name << ": "
              << (caught.checker.empty() ? "NOT CAUGHT" : caught.checker) << " after "
              << caught.seeds << " seeds\n      " << what << "\n";
    INFO(bug.name << ": " << caught.checker << ": " << caught.what);
    CHECK(std::ranges::count(bug.caught_by, caught.checker) == 1);
  }
}

TEST_CASE("the patched sources without a bug pass") {
  planted_bug = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const SimResult result = WorkerSim(DrawOptions(seed)).Run();
    INFO("seed " << seed << " " << result.checker << ": " << result.what);
    REQUIRE(result.passed());
    REQUIRE(HandoffSim(DrawHandoffOptions(seed)).Run().passed());
  }
}

}  // namespace
}  // namespace cairn::sim
