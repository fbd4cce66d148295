#include "worker/shell/worker_inbox.h"

#include <iterator>
#include <utility>

namespace cairn {

bool WorkerInbox::TryPush(WorkerMail mail) {
  MutexLock lock(mutex_);
  if (closed_ || queue_.size() >= capacity_) return false;
  queue_.push_back(std::move(mail));
  news_.Notify();
  return true;
}

void WorkerInbox::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  news_.Notify();
}

bool WorkerInbox::closed() {
  MutexLock lock(mutex_);
  return closed_;
}

std::vector<WorkerMail> WorkerInbox::Take(bool wait) {
  MutexLock lock(mutex_);
  if (wait) news_.Await(lock, [this] { return closed_ || !queue_.empty(); });
  std::vector<WorkerMail> out(std::make_move_iterator(queue_.begin()),
                              std::make_move_iterator(queue_.end()));
  queue_.clear();
  return out;
}

}  // namespace cairn
