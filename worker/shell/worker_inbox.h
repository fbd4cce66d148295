// Where a worker's thread meets the rest of its process: a bounded queue of what comes from
// schedulers, and one stop sign. Waiting costs no CPU.
#pragma once

#include <cstddef>
#include <deque>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "kvstore/base/assignment.h"
#include "kvstore/directory/publish_log.h"
#include "kvstore/shell/mutex.h"

namespace cairn {

// To the worker, or to its store.
using WorkerMail = std::variant<Assignment, ResyncRequest>;

class WorkerInbox {
 public:
  explicit WorkerInbox(size_t capacity) : capacity_(capacity) {}

  // False: full, or closed.
  bool TryPush(WorkerMail mail);
  // No more is taken; a waiting Take returns.
  void Close();
  // What has arrived, in order. With `wait`, blocks until something has or the inbox is closed.
  std::vector<WorkerMail> Take(bool wait);
  bool closed();

 private:
  const size_t capacity_;
  Mutex mutex_;
  Wakeup news_;
  std::deque<WorkerMail> queue_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cairn
