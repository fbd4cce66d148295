// The simulator: `sim --seed N` runs one seed and tells its story if it breaks; `sim --seeds N`
// runs many and stops at the first that breaks.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

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

// What a run came to, whichever simulator made it.
struct Outcome {
  std::string checker;  // empty: PASSED
  std::string what;
  uint64_t events = 0;
};

// One worker, or several that hand requests to each other.
Outcome RunOnce(uint64_t seed, bool handoffs, const Log& log) {
  if (handoffs) {
    const HandoffResult result = HandoffSim(DrawHandoffOptions(seed), log).Run();
    return {result.checker, result.what, result.events};
  }
  const SimResult result = WorkerSim(DrawOptions(seed), log).Run();
  return {result.checker, result.what, result.events};
}

// Runs the seed once more and prints the end of its story.
void TellStory(uint64_t seed, bool handoffs) {
  std::deque<std::string> lines;
  RunOnce(seed, handoffs, [&](const std::string& line) {
    lines.push_back(line);
    if (lines.size() > kLastLines) lines.pop_front();
  });
  for (const std::string& line : lines) std::cout << "  " << line << "\n";
}

// True: the seed passed. Verbose: tells its story as it happens, since a CHECK that fails ends the
// process.
bool RunSeed(uint64_t seed, bool handoffs, bool verbose) {
  current_seed = seed;
  Log log;
  if (verbose) {
    std::cout << DrawOptions(seed) << std::endl;
    log = [](const std::string& line) { std::cout << line << std::endl; };
  }
  const Outcome outcome = RunOnce(seed, handoffs, log);
  if (outcome.checker.empty()) {
    if (verbose) std::cout << "PASSED (" << outcome.events << " events)\n";
    return true;
  }
  if (!verbose) {
    std::cout << DrawOptions(seed) << "\n";
    TellStory(seed, handoffs);
  }
  std::cout << "FAILED seed " << seed << ": " << outcome.checker << ": " << outcome.what << "\n";
  return false;
}

int Main(int argc, char** argv) {
  std::signal(SIGABRT, SayWhichSeed);
  CLI::App app("Runs workers and their stores in virtual time, against a hostile world.");
  uint64_t seed = 0, seeds = 1;
  bool quiet = false, handoffs = false;
  app.add_flag("--handoffs", handoffs, "several workers that hand requests to each other");
  app.add_option("--seed", seed, "the (first) seed");
  app.add_option("--seeds", seeds, "how many seeds, one after the other");
  app.add_flag("--quiet", quiet, "no story of a seed that passes");
  CLI11_PARSE(app, argc, argv);
  const bool verbose = seeds == 1 && !quiet;
  for (uint64_t i = 0; i < seeds; ++i) {
    if (!RunSeed(seed + i, handoffs, verbose)) return 1;
  }
  if (!verbose) std::cout << "PASSED (" << seeds << " seeds from " << seed << ")\n";
  return 0;
}

}  // namespace
}  // namespace cairn::sim

int main(int argc, char** argv) { return cairn::sim::Main(argc, argv); }
