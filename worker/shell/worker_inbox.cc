#include "worker/shell/worker_inbox.h"

#include <iterator>
#include <utility>

namespace cairn {

bool WorkerInbox::TryPush(Assignment assignment) {
  absl::MutexLock lock(&mutex_);
  if (closed_ || queue_.size() >= capacity_) return false;
  queue_.push_back(std::move(assignment));
  return true;
}

void WorkerInbox::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

bool WorkerInbox::closed() {
  absl::MutexLock lock(&mutex_);
  return closed_;
}

std::vector<Assignment> WorkerInbox::Take(bool wait) {
  absl::MutexLock lock(&mutex_);
  if (wait) {
    const auto something = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return closed_ || !queue_.empty();
    };
    mutex_.Await(absl::Condition(&something));
  }
  std::vector<Assignment> out(std::make_move_iterator(queue_.begin()),
                              std::make_move_iterator(queue_.end()));
  queue_.clear();
  return out;
}

}  // namespace cairn
