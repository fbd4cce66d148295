// The thread that runs a worker loop: sleeps while there is nothing to do, wakes for an assignment.
#pragma once

#include <functional>
#include <thread>

#include "worker/shell/worker_inbox.h"
#include "worker/shell/worker_loop.h"

namespace cairn {

class WorkerThread {
 public:
  // Starts at once; the new thread calls `prepare` first. The loop outlives the thread.
  WorkerThread(WorkerLoop& loop, size_t inbox_capacity, std::function<void()> prepare);
  ~WorkerThread();  // finishes the turn it is in, then stops; drain first if work must not be lost
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  WorkerInbox& inbox() { return inbox_; }

 private:
  void Run(const std::function<void()>& prepare);

  WorkerLoop& loop_;
  WorkerInbox inbox_;
  std::thread thread_;
};

}  // namespace cairn
