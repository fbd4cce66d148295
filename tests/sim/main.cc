// The simulator: `sim --seed N` runs one seed and tells its story if it breaks; `sim --seeds N`
// runs many and stops at the first that breaks.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

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

// Runs the seed once more and prints the end of its story.
void TellStory(const SimOptions& options, bool whole) {
  std::deque<std::string> lines;
  WorkerSim(options, [&](const std::string& line) {
    if (whole) std::cout << line << std::endl;
    lines.push_back(line);
    if (lines.size() > kLastLines) lines.pop_front();
  }).Run();
  if (whole) return;
  for (const std::string& line : lines) std::cout << "  " << line << "\n";
}

// True: the seed passed.
bool RunSeed(uint64_t seed, bool verbose) {
  current_seed = seed;
  const SimOptions options = DrawOptions(seed);
  if (verbose) std::cout << options << std::endl;
  if (verbose) {
    TellStory(options, true);  // as it happens: a CHECK that fails ends the process
  }
  const SimResult result = WorkerSim(options).Run();
  if (result.passed()) {
    if (verbose) {
      std::cout << "PASSED (" << result.events << " events, " << result.load.steps << " steps)\n";
    }
    return true;
  }
  if (!verbose) {
    std::cout << options << "\n";
    TellStory(options, false);
  }
  std::cout << "FAILED seed " << seed << ": " << result.checker << ": " << result.what << "\n";
  return false;
}

int Main(int argc, char** argv) {
  std::signal(SIGABRT, SayWhichSeed);
  CLI::App app("Runs one worker and its store in virtual time, against a hostile world.");
  uint64_t seed = 0, seeds = 1;
  bool quiet = false;
  app.add_option("--seed", seed, "the (first) seed");
  app.add_option("--seeds", seeds, "how many seeds, one after the other");
  app.add_flag("--quiet", quiet, "no story of a seed that passes");
  CLI11_PARSE(app, argc, argv);
  const bool verbose = seeds == 1 && !quiet;
  for (uint64_t i = 0; i < seeds; ++i) {
    if (!RunSeed(seed + i, verbose)) return 1;
  }
  if (!verbose) std::cout << "PASSED (" << seeds << " seeds from " << seed << ")\n";
  return 0;
}

}  // namespace
}  // namespace cairn::sim

int main(int argc, char** argv) { return cairn::sim::Main(argc, argv); }
