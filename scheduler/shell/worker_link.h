// The way to the workers. In one process: the worker's inbox (worker/shell/worker_thread.h). Across
// processes: gRPC.
#pragma once

#include "kvstore/base/assignment.h"
#include "kvstore/base/ids.h"
#include "kvstore/directory/publish_log.h"

namespace cairn {

class WorkerLink {
 public:
  virtual ~WorkerLink() = default;
  // Hands the assignment over, in order, without waiting. A link sized for the scheduler's limits
  // is never full; a worker that is gone is reported as WorkerLost, not here.
  virtual void Send(NodeId worker, Epoch epoch, Assignment assignment) = 0;
  // The same, to the worker's store. It need not arrive: it is asked again.
  virtual void Ask(const ResyncRequest& request) = 0;
};

}  // namespace cairn
