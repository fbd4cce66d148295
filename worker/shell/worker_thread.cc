#include "worker/shell/worker_thread.h"

#include <pthread.h>

namespace cairn {

WorkerThread::WorkerThread(WorkerLoop& loop, size_t inbox_capacity)
    : loop_(loop), inbox_(inbox_capacity), thread_([this] { Run(); }) {}

WorkerThread::~WorkerThread() {
  inbox_.Close();
  thread_.join();
}

void WorkerThread::Run() {
  pthread_setname_np(pthread_self(), "cairn-worker");
  bool more = false;
  while (!inbox_.closed()) more = loop_.Turn(inbox_.Take(/*wait=*/!more));
}

}  // namespace cairn
