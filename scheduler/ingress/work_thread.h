// One thread that runs what it is given, in order: for the front doors' work that is too long for
// the threads that serve sockets.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "kvstore/shell/mutex.h"

namespace cairn {

class WorkThread {
 public:
  // `name` is what the system shows, at most 15 bytes.
  explicit WorkThread(std::string name);
  // Runs what was posted before, then ends.
  ~WorkThread();

  // From any thread. How much may wait is the caller's to limit.
  void Post(std::function<void()> work);

 private:
  void Run();

  const std::string name_;
  Mutex mutex_;
  Wakeup wakeup_;
  std::deque<std::function<void()>> work_ ABSL_GUARDED_BY(mutex_);
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace cairn
