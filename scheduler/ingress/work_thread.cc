#include "scheduler/ingress/work_thread.h"

#include <pthread.h>

#include <utility>

namespace cairn {

WorkThread::WorkThread(std::string name) : name_(std::move(name)), thread_([this] { Run(); }) {}

WorkThread::~WorkThread() {
  {
    MutexLock lock(mutex_);
    over_ = true;
  }
  wakeup_.Notify();
  thread_.join();
}

void WorkThread::Post(std::function<void()> work) {
  {
    MutexLock lock(mutex_);
    if (!over_) work_.push_back(std::move(work));
  }
  wakeup_.Notify();
}

void WorkThread::Run() {
  pthread_setname_np(pthread_self(), name_.c_str());
  while (true) {
    std::deque<std::function<void()>> work;
    {
      MutexLock lock(mutex_);
      wakeup_.Await(lock, [this] { return over_ || !work_.empty(); });
      if (work_.empty()) return;
      work.swap(work_);
    }
    for (const auto& item : work) item();
  }
}

}  // namespace cairn
