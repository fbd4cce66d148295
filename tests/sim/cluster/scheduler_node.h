// One life of one scheduler of the simulated cluster, with its links to workers. Messages and time
// in, packets out. Another life is another object.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "scheduler/core/scheduler_core.h"
#include "scheduler/core/worker_links.h"
#include "tests/sim/cluster/worker_node.h"

namespace cairn::sim {

class SchedulerNode {
 public:
  struct Turn {
    std::vector<SchedulerAction> actions;  // for clients; those for workers are packets already
    std::vector<std::pair<NodeId, ToWorker>> packets;
  };

  SchedulerNode(const ClusterSimOptions& options, NodeId node, Epoch life, SimMachine::Log log)
      : log_(std::move(log)), core_(options.scheduler), links_(node, life, options.link) {}

  void Hear(ToScheduler packet, Instant now);
  void Handle(const SchedulerEvent& event, Instant now) { core_.Handle(event, now); }
  void Beat(Instant now);
  Turn Act(Instant now);

  const SchedulerCore& core() const { return core_; }
  const WorkerLinks& links() const { return links_; }
  uint64_t joins() const { return joins_; }

 private:
  void Tell(const std::vector<SchedulerEvent>& events, Instant now);

  SimMachine::Log log_;
  SchedulerCore core_;
  WorkerLinks links_;
  uint64_t joins_ = 0;
};

}  // namespace cairn::sim
