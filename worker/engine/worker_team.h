// A fixed team of threads that runs parallel loops for one caller: the engine's step.
//
// A forward pass is about 200 short loops, so starting one must cost a microsecond: tasks are
// claimed by one compare-and-swap on one word, nobody waits for a thread that claimed nothing, and
// between loops threads spin for a moment before they sleep. An idle team uses no processor time at
// all.
//
//   WorkerTeam team(2, /*pin=*/true);
//   team.PinCaller();                         // on the engine's thread, once
//   WorkerTeam::HotSection step(team);        // until the step ends, threads wait awake
//   team.Run(tasks, [&](size_t task, int worker) { ... });
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"

namespace cairn {

class WorkerTeam {
 public:
  using Task = absl::FunctionRef<void(size_t task, int worker)>;

  // threads: the caller and threads - 1 helpers, 1 or more. pin: each helper stays on a processor
  // of its own among those this process may use, as long as there are enough.
  WorkerTeam(int threads, bool pin);
  ~WorkerTeam();  // REQUIRES: no Run in progress
  WorkerTeam(const WorkerTeam&) = delete;
  WorkerTeam& operator=(const WorkerTeam&) = delete;

  int threads() const { return static_cast<int>(helpers_.size()) + 1; }

  // Keeps the calling thread, worker 0, off the helpers' processors. Does nothing without pin.
  void PinCaller() const;

  // Runs task(i, worker) once for every i < tasks, on any thread and in any order, and returns when
  // all have ended; what they wrote is then visible to the caller. The caller works too, as worker
  // 0; worker < threads(), and no two tasks run as the same worker at a time. Even workers claim
  // from the front and odd ones from the back: loops that split the same rows in the same order
  // leave each of two threads those that its cache has. REQUIRES: one caller at a time; no call
  // from within a task; tasks < 2^20; tasks do not throw.
  void Run(size_t tasks, Task task);

  // While one lives, helpers that find nothing to do wait awake, but no longer than a few
  // milliseconds at a time: a caller that is itself held up does not keep other processors busy.
  class HotSection {
   public:
    explicit HotSection(WorkerTeam& team);
    ~HotSection();
    HotSection(const HotSection&) = delete;
    HotSection& operator=(const HotSection&) = delete;

   private:
    WorkerTeam& team_;
  };

 private:
  void Help(int worker);
  bool ClaimAndRun(int worker);
  bool WaitForWork(uint64_t seen);
  void Park();
  void Wake();
  void WaitForEnd(size_t tasks);

  // The loop in progress: its number (24 bits), and the first and the end of its tasks that nobody
  // has claimed (20 bits each). While tasks are left, task_ belongs to that loop: the caller cannot
  // begin another one.
  alignas(64) std::atomic<uint64_t> open_{0};
  std::atomic<const Task*> task_{nullptr};
  std::atomic<size_t> tasks_{0};
  alignas(64) std::atomic<size_t> ended_{0};    // tasks of the loop that have ended
  alignas(64) std::atomic<uint32_t> wakes_{0};  // what parked helpers sleep on
  std::atomic<uint32_t> parked_{0};
  std::atomic<uint32_t> hot_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<uint32_t> ends_{0};  // what a caller sleeps on that waits long for the last tasks
  std::atomic<bool> caller_sleeps_{false};

  std::vector<int> processors_;  // of each worker; empty: not pinned
  std::vector<std::thread> helpers_;
};

}  // namespace cairn
