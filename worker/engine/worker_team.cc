#include "worker/engine/worker_team.h"

#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <string>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr int kTaskBits = 20;
constexpr uint64_t kTaskMask = (uint64_t{1} << kTaskBits) - 1;

// What WorkerTeam::open_ says.
struct OpenLoop {
  uint64_t number;
  uint64_t first;  // of the tasks that nobody has claimed
  uint64_t end;

  static OpenLoop From(uint64_t word) {
    return {word >> 2 * kTaskBits, word >> kTaskBits & kTaskMask, word & kTaskMask};
  }
  uint64_t Word() const { return number << 2 * kTaskBits | first << kTaskBits | end; }
  bool has_tasks() const { return first < end; }
};

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::microseconds kSpin{30};       // between the loops of a step
constexpr std::chrono::microseconds kHotSpin{3000};  // within a hot section
constexpr std::chrono::microseconds kEndSpin{100};   // a caller waiting for the last tasks
constexpr int kPausesPerLook = 32;                   // at the clock

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Pauses until done() or until so much time has passed; says which.
template <typename Done>
bool SpinUntil(std::chrono::microseconds limit, Done done) {
  const SteadyClock::time_point end = SteadyClock::now() + limit;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (done()) return true;
      Pause();
    }
  } while (SteadyClock::now() < end);
  return done();
}

// As many processors as there are workers, of those this process may use; empty if too few.
std::vector<int> ChooseProcessors(size_t workers) {
  std::vector<int> chosen;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return {};
  for (int cpu = 0; cpu < CPU_SETSIZE && chosen.size() < workers; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) chosen.push_back(cpu);
  }
  if (chosen.size() < workers) chosen.clear();
  return chosen;
}

void PinThread(pthread_t thread, int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  // Refused in some containers; the thread then runs where the system puts it, and only slower.
  static_cast<void>(pthread_setaffinity_np(thread, sizeof one, &one));
}

}  // namespace

WorkerTeam::WorkerTeam(int threads, bool pin) {
  CAIRN_CHECK_GE(threads, 1);
  if (pin && threads > 1) processors_ = ChooseProcessors(static_cast<size_t>(threads));
  for (int worker = 1; worker < threads; ++worker) {
    helpers_.emplace_back([this, worker] { Help(worker); });
    const pthread_t handle = helpers_.back().native_handle();
    pthread_setname_np(handle, ("cairn-team-" + std::to_string(worker)).substr(0, 15).c_str());
    if (!processors_.empty()) PinThread(handle, processors_[static_cast<size_t>(worker)]);
  }
}

WorkerTeam::~WorkerTeam() {
  stopping_.store(true);
  Wake();
  for (std::thread& helper : helpers_) helper.join();
}

void WorkerTeam::PinCaller() const {
  if (!processors_.empty()) PinThread(pthread_self(), processors_[0]);
}

void WorkerTeam::Run(size_t tasks, Task task) {
  CAIRN_CHECK_LE(tasks, kTaskMask);
  if (tasks <= 1 || helpers_.empty()) {
    for (size_t i = 0; i < tasks; ++i) task(i, 0);
    return;
  }
  const OpenLoop last = OpenLoop::From(open_.load(std::memory_order_relaxed));
  CAIRN_CHECK(!last.has_tasks());  // one caller at a time, and none from within a task
  task_.store(&task, std::memory_order_relaxed);
  tasks_.store(tasks, std::memory_order_relaxed);
  ended_.store(0, std::memory_order_relaxed);
  // Opens the loop. Sequentially consistent, as is parked_: either a helper on its way to sleep
  // sees the loop, or this thread sees the helper.
  open_.store(OpenLoop{last.number + 1, 0, tasks}.Word(), std::memory_order_seq_cst);
  if (parked_.load(std::memory_order_seq_cst) > 0) Wake();
  while (ClaimAndRun(0)) {
  }
  WaitForEnd(tasks);
}

// Runs one task of the open loop. False: none was left.
bool WorkerTeam::ClaimAndRun(int worker) {
  uint64_t open = open_.load(std::memory_order_acquire);
  for (OpenLoop left = OpenLoop::From(open); left.has_tasks(); left = OpenLoop::From(open)) {
    // These are the fields of the loop in `open` if the exchange succeeds: it had a task left then.
    const Task* const task = task_.load(std::memory_order_relaxed);
    const size_t tasks = tasks_.load(std::memory_order_relaxed);
    const uint64_t claimed = worker % 2 == 0 ? left.first++ : --left.end;
    if (open_.compare_exchange_weak(open, left.Word(), std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      (*task)(claimed, worker);
      // The last to end may find the caller asleep. Once ended_ is complete the caller may return
      // and begin another loop, so nothing of this one is touched after it.
      if (ended_.fetch_add(1, std::memory_order_seq_cst) + 1 == tasks && worker != 0 &&
          caller_sleeps_.load(std::memory_order_seq_cst)) {
        ends_.fetch_add(1);
        ends_.notify_one();
      }
      return true;
    }
  }
  return false;
}

void WorkerTeam::WaitForEnd(size_t tasks) {
  const auto ended = [&] { return ended_.load(std::memory_order_seq_cst) == tasks; };
  if (ended() || SpinUntil(kEndSpin, ended)) return;
  caller_sleeps_.store(true, std::memory_order_seq_cst);
  for (;;) {
    const uint32_t seen = ends_.load();
    if (ended()) break;
    ends_.wait(seen);
  }
  caller_sleeps_.store(false);
}

void WorkerTeam::Help(int worker) {
  while (!stopping_.load()) {
    while (ClaimAndRun(worker)) {
    }
    const uint64_t seen = open_.load(std::memory_order_acquire);
    if (!OpenLoop::From(seen).has_tasks() && !WaitForWork(seen)) Park();
  }
}

// Spins until something is to be done. False: nothing was for so long that sleeping is better.
bool WorkerTeam::WaitForWork(uint64_t seen) {
  const auto due = [&] {
    return open_.load(std::memory_order_acquire) != seen ||
           stopping_.load(std::memory_order_relaxed);
  };
  if (SpinUntil(kSpin, due)) return true;
  if (hot_.load(std::memory_order_relaxed) == 0) return false;
  return SpinUntil(kHotSpin, [&] { return due() || hot_.load(std::memory_order_relaxed) == 0; });
}

void WorkerTeam::Park() {
  const uint32_t seen = wakes_.load(std::memory_order_seq_cst);
  parked_.fetch_add(1, std::memory_order_seq_cst);
  const bool due =
      OpenLoop::From(open_.load(std::memory_order_seq_cst)).has_tasks() || stopping_.load();
  if (!due) wakes_.wait(seen);
  parked_.fetch_sub(1, std::memory_order_seq_cst);
}

void WorkerTeam::Wake() {
  wakes_.fetch_add(1, std::memory_order_seq_cst);
  wakes_.notify_all();
}

WorkerTeam::HotSection::HotSection(WorkerTeam& team) : team_(team) {
  team_.hot_.fetch_add(1, std::memory_order_seq_cst);
  if (team_.parked_.load(std::memory_order_seq_cst) > 0) team_.Wake();
}

WorkerTeam::HotSection::~HotSection() { team_.hot_.fetch_sub(1, std::memory_order_relaxed); }

}  // namespace cairn
