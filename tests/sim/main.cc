// The simulator: `sim --seed N` runs one seed and tells its story; `sim --seeds N` runs many and
// stops at the first that breaks. With --cluster, of whole clusters instead of one worker.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "tests/sim/cluster/cluster_sim.h"
#include "tests/sim/handoff_sim.h"
#include "tests/sim/worker_sim.h"

namespace cairn::sim {
namespace {

constexpr size_t kLastLines = 60;

volatile uint64_t current_seed = 0;

// A CAIRN_CHECK that fails does not know the seed.
void SayWhichSeed(int) {
  std::fprintf(stderr, "FAILED seed %llu: aborted\n",
               static_cast<unsigned long long>(current_seed));
}

using Log = std::function<void(const std::string&)>;

enum class Kind { kWorker, kHandoffs, kCluster };

// What a run came to, whichever simulator made it.
struct Outcome {
  std::string checker;  // empty: PASSED
  std::string what;
  uint64_t events = 0;
  ClusterTally tally = {};  // of kCluster
};

Outcome RunOnce(uint64_t seed, Kind kind, const Log& log) {
  const auto outcome = [](const auto& result) {
    return Outcome{result.checker, result.what, result.events};
  };
  switch (kind) {
    case Kind::kHandoffs:
      return outcome(HandoffSim(DrawHandoffOptions(seed), log).Run());
    case Kind::kCluster: {
      const ClusterSimResult result = ClusterSim(DrawClusterOptions(seed), log).Run();
      return {result.checker, result.what, result.events, result.tally};
    }
    default:
      return outcome(WorkerSim(DrawOptions(seed), log).Run());
  }
}

void PrintOptions(uint64_t seed, Kind kind) {
  if (kind == Kind::kCluster) {
    std::cout << DrawClusterOptions(seed) << std::endl;
  } else {
    std::cout << DrawOptions(seed) << std::endl;
  }
}

// Runs the seed once more and prints the end of its story.
void TellStory(uint64_t seed, Kind kind) {
  std::deque<std::string> lines;
  RunOnce(seed, kind, [&](const std::string& line) {
    lines.push_back(line);
    if (lines.size() > kLastLines) lines.pop_front();
  });
  for (const std::string& line : lines) std::cout << "  " << line << "\n";
}

// True: the seed passed. Verbose: tells its story as it happens, since a CHECK that fails ends the
// process.
bool RunSeed(uint64_t seed, Kind kind, bool verbose, ClusterTally& tally) {
  current_seed = seed;
  Log log;
  if (verbose) {
    PrintOptions(seed, kind);
    log = [](const std::string& line) { std::cout << line << std::endl; };
  }
  const Outcome outcome = RunOnce(seed, kind, log);
  tally += outcome.tally;
  if (outcome.checker.empty()) {
    if (verbose) std::cout << "PASSED (" << outcome.events << " events)\n";
    return true;
  }
  if (!verbose) {
    PrintOptions(seed, kind);
    TellStory(seed, kind);
  }
  std::cout << "FAILED seed " << seed << ": " << outcome.checker << ": " << outcome.what << "\n";
  return false;
}

int Main(int argc, char** argv) {
  std::signal(SIGABRT, SayWhichSeed);
  CLI::App app("Runs workers, or whole clusters, in virtual time, against a hostile world.");
  uint64_t seed = 0, seeds = 1;
  bool quiet = false, handoffs = false, cluster = false;
  app.add_flag("--handoffs", handoffs, "several workers that hand requests to each other");
  app.add_option("--seed", seed, "the (first) seed");
  app.add_option("--seeds", seeds, "how many seeds, one after the other");
  app.add_flag("--cluster", cluster, "schedulers, workers and the links between them");
  app.add_flag("--quiet", quiet, "no story of a seed that passes");
  CLI11_PARSE(app, argc, argv);
  const bool verbose = seeds == 1 && !quiet;
  const Kind kind = cluster ? Kind::kCluster : handoffs ? Kind::kHandoffs : Kind::kWorker;
  ClusterTally tally;
  for (uint64_t i = 0; i < seeds; ++i) {
    if (!RunSeed(seed + i, kind, verbose, tally)) return 1;
  }
  if (kind == Kind::kCluster) std::cout << tally << "\n";
  if (!verbose) std::cout << "PASSED (" << seeds << " seeds from " << seed << ")\n";
  return 0;
}

}  // namespace
}  // namespace cairn::sim

int main(int argc, char** argv) { return cairn::sim::Main(argc, argv); }
