// One life of one process of the simulated cluster: a worker with its store and its links, or a
// scheduler with its links. Messages and time in, packets out. Another life is another object.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "scheduler/core/scheduler_core.h"
#include "scheduler/core/worker_links.h"
#include "tests/sim/cluster/cluster_options.h"
#include "tests/sim/sim_machine.h"
#include "worker/core/scheduler_links.h"

namespace cairn::sim {

using ToScheduler = std::variant<LinkMessage<Report>, PublishWord>;
using ToWorker = std::variant<LinkMessage<Assignment>, ResyncRequest>;

class WorkerNode {
 public:
  struct Turn {
    MachineTurn machine;  // its reports are taken already
    std::vector<std::pair<NodeId, ToScheduler>> packets;
  };

  WorkerNode(const ClusterSimOptions& options, NodeId node, Epoch life, Prng& prng,
             SimMachine::Log log);

  void Meet(NodeId scheduler, Instant now) {
    schedulers_.push_back(scheduler);
    links_.Meet(scheduler, now);
  }
  void Hear(NodeId from, ToWorker packet, Instant now);
  void Beat(Instant now);  // time has passed
  Turn Act(Instant now);

  SimMachine& machine() { return machine_; }
  const SimMachine& machine() const { return machine_; }
  const SchedulerLinks& links() const { return links_; }
  uint64_t told_through() { return machine_.core().announcer()->told_through(); }
  uint64_t snapshots() const { return snapshots_; }
  Epoch life() const { return life_; }

 private:
  using Found = std::set<std::tuple<BlockKey, Tier, uint32_t>>;

  void Tell(std::vector<Assignment> heard, Instant now);
  void Publish(std::vector<std::pair<NodeId, ToScheduler>>& packets);

  const Epoch life_;
  SimMachine machine_;
  SchedulerLinks links_;
  void CheckStopped();

  std::vector<NodeId> schedulers_;
  std::map<NodeId, uint64_t> draining_since_;  // step
  std::vector<std::pair<NodeId, ToScheduler>> answers_;
  Found announced_;        // by all batches so far
  bool may_skip_ = false;  // so many changes wait at once that the log gives up on some
  uint64_t snapshots_ = 0;
};

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
