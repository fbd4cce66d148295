// Locks of the adapters: std::mutex with the annotations that let a compiler check who holds what.
// Not absl::Mutex: distributions build Abseil without ThreadSanitizer, which then sees none of its
// locks and reports a race wherever one protects something.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "kvstore/base/time.h"

namespace cairn {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds the mutex while it lives.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() ABSL_UNLOCK_FUNCTION() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  friend class Wakeup;
  std::unique_lock<std::mutex> lock_;
};

// Something that was waited for may have come: Notify after each change under the mutex that makes
// a condition true.
class Wakeup {
 public:
  void Notify() { condition_.notify_all(); }

  template <typename Condition>
  void Await(MutexLock& lock, Condition condition) {
    condition_.wait(lock.lock_, condition);
  }
  // False: the condition still did not hold after at_most.
  template <typename Condition>
  bool AwaitFor(MutexLock& lock, Duration at_most, Condition condition) {
    return condition_.wait_for(lock.lock_, std::chrono::nanoseconds(at_most.nanoseconds()),
                               condition);
  }

 private:
  std::condition_variable condition_;
};

}  // namespace cairn
