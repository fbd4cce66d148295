#include "worker/shell/worker_thread.h"

#include <pthread.h>

#include <utility>

namespace cairn {

WorkerThread::WorkerThread(WorkerLoop& loop, size_t inbox_capacity, std::function<void()> prepare)
    : loop_(loop),
      inbox_(inbox_capacity),
      thread_([this, prepare = std::move(prepare)] { Run(prepare); }) {}

WorkerThread::~WorkerThread() {
  inbox_.Close();
  thread_.join();
}

void WorkerThread::Run(const std::function<void()>& prepare) {
  pthread_setname_np(pthread_self(), "cairn-worker");
  prepare();
  bool more = false;
  while (!inbox_.closed()) more = loop_.Turn(inbox_.Take(/*wait=*/!more));
}

}  // namespace cairn
