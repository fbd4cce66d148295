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
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/sim/cluster/cluster_sim.h"
#include "tests/sim/handoff_sim.h"
#include "tests/sim/planted/planted_bug.h"
#include "tests/sim/worker_sim.h"

namespace cairn::sim {
namespace {

constexpr uint64_t kSeedsMax = 2000;

struct PlantedBug {
  int number;  // in planted/bugs.cmake
  const char* name;
  std::vector<std::string> caught_by;  // any of these; "check" is a CAIRN_CHECK in the code itself
};

const std::vector<PlantedBug>& WorkerBugs() {
  static const std::vector<PlantedBug> kBugs = {
      {1, "wrong key: the salt is forgotten", {"hit_truth"}},
      {2, "wrong key: the parent is forgotten", {"token_oracle", "hit_truth", "check"}},
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
  };
  return kBugs;
}

// Of what goes from worker to worker.
const std::vector<PlantedBug>& HandoffBugs() {
  static const std::vector<PlantedBug> kBugs = {
      {23, "nobody compares the checksums of what was fetched", {"token_oracle"}},
      {24, "a partial block counts for more than came", {"token_oracle"}},
      {25, "what is being sent is held no longer than the loan", {"lease_safety"}},
      {26, "a loan is forgotten and stays", {"block_account", "progress"}},
      {27, "what was said last is not resumed", {"token_oracle", "report_order"}},
      {58, "a block is lent before it has come", {"token_oracle"}},
      {59,
       "slots of a late fetch are reused while it may still come",
       {"lease_safety", "publish_after_ready"}},
      {60, "what a holder had no longer counts as come", {"token_oracle"}},
      {61, "what is lent from a cache is not held", {"lease_safety"}},
      {62, "what comes too late is taken all the same", {"check"}},
  };
  return kBugs;
}

// Of schedulers, links and what is published: caught by whole clusters.
const std::vector<PlantedBug>& ClusterBugs() {
  static const std::vector<PlantedBug> kBugs = {
      {28, "a copy that has gone is not taken back", {"publish_truth"}},
      {29, "a copy is announced before its bytes are there", {"publish_truth"}},
      {30, "a batch that is missing is not missed", {"directory_truth"}},
      {31, "a snapshot is added to what was known before", {"directory_truth"}},
      {32, "a snapshot claims a batch that is not in it", {"directory_truth", "progress"}},
      {33, "what was sent counts as there for ever", {"directory_truth"}},
      {34,
       "words behind a gap are taken as if there were none",
       {"report_order", "end_reason", "progress"}},
      {35, "what was lost is not sent again", {"progress"}},
      {36, "a word is acknowledged that has not come", {"end_reason", "progress"}},
      {37,
       "words of an earlier session are believed",
       {"end_reason", "progress", "token_oracle", "report_order", "answer_truth"}},
      {38, "a worker greets while it runs what it was given before", {"end_reason", "progress"}},
      {39, "a worker that was cut off runs on", {"told_to_stop"}},
      {40, "what ran on a lost worker is forgotten", {"progress"}},
      {41, "what waited for a lost worker waits for ever", {"progress", "check"}},
      {42, "a prompt that is done still counts", {"conservation", "progress"}},
      {43, "a request of a lost worker ends twice", {"conservation", "report_order"}},
      {66, "a prompt that waits counts as whatever is asked for", {"answer_truth"}},
      {67, "what the store has is not said to who asks", {"answer_truth"}},
      {68, "an answer that does not come is waited for without end", {"progress"}},
      {69, "who leaves while answers are awaited stays in that book", {"conservation"}},
  };
  return kBugs;
}

// Of roles and handoffs in whole clusters.
const std::vector<PlantedBug>& RoleBugs() {
  static const std::vector<PlantedBug> kBugs = {
      {44, "the lender gives blocks back as soon as it is asked for them", {"lease_safety"}},
      {45, "a fetched block of another key is taken", {"token_oracle"}},
      {46, "blocks for an earlier life are taken for those of this one", {"lives"}},
      {47, "so is what was said to an earlier life", {"lives"}},
      {48, "a fetch that nobody answers is never over", {"progress", "block_account"}},
      {49, "the leases of a fetch that brought nothing are kept", {"progress", "block_account"}},
      {50, "the last token before a request is given up is said twice", {"report_order"}},
      {51, "a token said after one was asked to leave is lost", {"report_order", "end_reason"}},
      {52, "a decode-heavy worker of a strict split is given a prompt", {"placement"}},
      {53, "a request that has moved counts twice", {"conservation"}},
      {54, "what was promised to a worker outlives its session", {"conservation"}},
      {55, "a request that was given up stays with its link", {"block_account", "progress"}},
      {56,
       "a cancel that meets a request on its way is forgotten",
       {"conservation", "end_reason", "placement"}},
      {57, "room that was kept for a request is kept for ever", {"conservation"}},
      {63, "prompts stay in the line of a worker that is given none any more", {"placement"}},
      {64, "a tuned worker is taken for what it was before", {"placement"}},
      {65, "a worker keeps the chunk that it had", {"plan_shape"}},
  };
  return kBugs;
}

// What stopped the first seed that did not pass.
struct Prey {
  std::string checker;  // empty: all seeds passed
  std::string what;
  uint64_t seeds = 0;
};

// What is run to find a bug: one worker or a cluster, from a seed.
struct Run {
  std::string checker;
  std::string what;
};
using RunSeed = Run (*)(uint64_t seed);

Run RunWorker(uint64_t seed) {
  const SimResult result = WorkerSim(DrawOptions(seed)).Run();
  return {result.checker, result.what};
}

Run RunHandoffs(uint64_t seed) {
  const HandoffResult result = HandoffSim(DrawHandoffOptions(seed)).Run();
  return {result.checker, result.what};
}

Run RunCluster(uint64_t seed) {
  const ClusterSimResult result = ClusterSim(DrawClusterOptions(seed)).Run();
  return {result.checker, result.what};
}

// at() of a container is a check of the code's own.
Run RunChecked(RunSeed run, uint64_t seed) {
  try {
    return run(seed);
  } catch (const std::out_of_range& missing) {
    return {"check", missing.what()};
  }
}

// In the child: writes "checker\nseeds\nwhat" and never returns.
[[noreturn]] void HuntInChild(int bug, RunSeed run, int out) {
  planted_bug = bug;
  ::dup2(out, STDERR_FILENO);  // a CAIRN_CHECK speaks there
  std::signal(SIGABRT, SIG_DFL);
  for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    const std::string mark = "seed " + std::to_string(seed) + "\n";
    if (::write(out, mark.data(), mark.size()) < 0) ::_exit(2);
    const Run result = RunChecked(run, seed);
    if (result.checker.empty()) continue;
    const std::string text = "caught " + result.checker + "\n" + result.what;
    if (::write(out, text.data(), text.size()) < 0) ::_exit(2);
    ::_exit(1);
  }
  ::_exit(0);
}

Prey Hunt(int bug, RunSeed run) {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(pipe[0]);
    HuntInChild(bug, run, pipe[1]);
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

void DemandAllCaught(const std::vector<PlantedBug>& bugs, RunSeed run) {
  for (const PlantedBug& bug : bugs) {
    const Prey caught = Hunt(bug.number, run);
    std::string what = caught.what.substr(0, caught.what.find('\n'));
    std::cout << "  " << bug.number << " " << bug.name << ": "
              << (caught.checker.empty() ? "NOT CAUGHT" : caught.checker) << " after "
              << caught.seeds << " seeds\n      " << what << "\n";
    INFO(bug.name << ": " << caught.checker << ": " << caught.what);
    CHECK(std::ranges::count(bug.caught_by, caught.checker) == 1);
  }
}

TEST_CASE("every bug planted in a worker is caught by a checker that is there for it") {
  DemandAllCaught(WorkerBugs(), RunWorker);
}

TEST_CASE("every bug planted in a handoff is caught by a checker that is there for it") {
  DemandAllCaught(HandoffBugs(), RunHandoffs);
}

TEST_CASE("every bug planted in a cluster is caught by a checker that is there for it") {
  DemandAllCaught(ClusterBugs(), RunCluster);
}

TEST_CASE("every bug planted in roles and handoffs is caught by a checker that is there for it") {
  DemandAllCaught(RoleBugs(), RunCluster);
}

TEST_CASE("the patched sources without a bug pass") {
  planted_bug = 0;
  for (const RunSeed run : {RunWorker, RunHandoffs, RunCluster}) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
      const Run result = run(seed);
      INFO("seed " << seed << " " << result.checker << ": " << result.what);
      REQUIRE(result.checker.empty());
    }
  }
}

}  // namespace
}  // namespace cairn::sim
