#include "worker/engine/worker_team.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <numeric>
#include <vector>

namespace cairn {

TEST_CASE("every task of a loop runs once, and what it wrote is seen after") {
  for (const int threads : {1, 2, 5}) {
    WorkerTeam team(threads, threads == 2);
    team.PinCaller();
    REQUIRE(team.threads() == threads);
    for (size_t tasks = 0; tasks < 300; ++tasks) {
      std::vector<int> runs(tasks, 0);  // not atomic: the end of Run must order it
      team.Run(tasks, [&](size_t task, int worker) {
        runs[task] += worker >= 0 && worker < threads ? 1 : 100;
      });
      REQUIRE(std::accumulate(runs.begin(), runs.end(), 0) == static_cast<int>(tasks));
    }
  }
}

TEST_CASE("two workers begin at the two ends of a loop, and meet") {
  WorkerTeam team(2, false);
  for (int loop = 0; loop < 50; ++loop) {
    std::vector<int> ran_as(16, -1);
    std::atomic<int> began{0};
    team.Run(ran_as.size(), [&](size_t task, int worker) {
      ran_as[task] = worker;
      // The first task of each waits for the other's.
      if (task == 0 || task + 1 == ran_as.size()) {
        ++began;
        began.notify_all();
        for (int seen = began.load(); seen < 2; seen = began.load()) began.wait(seen);
      }
    });
    REQUIRE(ran_as.front() == 0);
    REQUIRE(ran_as.back() == 1);
    REQUIRE(std::is_sorted(ran_as.begin(), ran_as.end()));
  }
}

TEST_CASE("no two tasks run as the same worker at a time") {
  WorkerTeam team(4, false);
  std::vector<int> counts(4, 0);  // a race here is one that a sanitizer finds
  for (int loop = 0; loop < 2000; ++loop) {
    team.Run(9, [&](size_t, int worker) { ++counts[static_cast<size_t>(worker)]; });
  }
  REQUIRE(std::accumulate(counts.begin(), counts.end(), 0) == 18000);
}

TEST_CASE("loops in and out of hot sections, of one task and of many, follow one another") {
  WorkerTeam team(3, false);
  std::atomic<size_t> total{0};
  size_t expected = 0;
  for (size_t step = 0; step < 200; ++step) {
    WorkerTeam::HotSection hot(team);
    for (size_t tasks = 0; tasks < 12; ++tasks) {
      team.Run(tasks, [&](size_t task, int) { total += task + 1; });
      expected += tasks * (tasks + 1) / 2;
    }
  }
  REQUIRE(total == expected);
}

TEST_CASE("a team may end right after it began, asleep or awake") {
  for (int i = 0; i < 100; ++i) {
    WorkerTeam team(3, false);
    if (i % 2 == 0) team.Run(3, [](size_t, int) {});
  }
}

TEST_CASE("a caller that waits long for the last task is woken") {
  WorkerTeam team(2, false);
  for (int i = 0; i < 20; ++i) {
    // The helper's task ends only after the caller's has, well past the time that the caller spins.
    std::atomic<bool> caller_done{false};
    team.Run(2, [&](size_t, int worker) {
      if (worker == 0) {
        caller_done = true;
        return;
      }
      const std::clock_t begin = std::clock();
      while (!caller_done && std::clock() - begin < CLOCKS_PER_SEC / 100) {
      }
      for (std::atomic<int> spins{0}; spins < 100000; ++spins) {
      }
    });
  }
}

}  // namespace cairn
