// What the world does to a virtual cluster, and what must be true when a run ends.
#include <algorithm>
#include <utility>
#include <variant>

#include "kvstore/base/check.h"
#include "kvstore/directory/holder_set.h"
#include "scheduler/simulator/virtual_cluster.h"

namespace cairn {

// --- the world

void VirtualCluster::Happen(const WorldChanges& changes) {
  std::visit([this](const auto& one) { Change(one); }, options_.world[changes.event].what);
}

void VirtualCluster::Change(const WorkerDies& change) {
  Die(change.worker, options_.loss_detection);
}

void VirtualCluster::Change(const WorkerReturns& change) {
  if (nodes_[change.worker]->worker) return;
  Live(change.worker);
  TellSchedulers(change.worker, nodes_[change.worker]->epoch, false, Duration());
}

void VirtualCluster::Change(const WorkerSlows& change) {
  Node& node = *nodes_[change.worker];
  node.options.step_percent = change.step_percent;
  if (node.worker) node.worker->SetStepPercent(change.step_percent);
}

void VirtualCluster::Change(const WorkerAdded& change) {
  AddNode(change.options);
  const auto worker = static_cast<uint32_t>(nodes_.size() - 1);
  TellSchedulers(worker, nodes_[worker]->epoch, false, Duration());
}

void VirtualCluster::Change(const WorkerRemoved& change) { Die(change.worker, Duration()); }

// --- the end

void VirtualCluster::CheckRequests() const {
  uint64_t live = 0;
  for (const std::unique_ptr<Scheduler>& scheduler : schedulers_) {
    const SchedulerCounts& counts = scheduler->core.counts();
    CAIRN_CHECK_EQ(scheduler->submitted, counts.accepted + counts.shed);
    CAIRN_CHECK_EQ(counts.accepted, counts.ended + scheduler->core.live_requests());
    live += scheduler->core.live_requests();
  }
  CAIRN_CHECK_EQ(live, ledger_.open());
}

// Nobody is inside: no worker may still hold anything but blocks that can be evicted.
void VirtualCluster::CheckQuiet() const {
  CAIRN_CHECK_EQ(to_workers_.underway() + to_peers_.underway() + transfers_.underway(), 0u);
  for (const std::unique_ptr<Node>& node : nodes_) {
    if (!node->worker) continue;
    const WorkerCore& core = node->worker->core();
    CAIRN_CHECK(core.idle());
    core.store().Audit();
    CAIRN_CHECK_EQ(core.store().device_slots_available(), node->options.store.device.slots);
  }
}

// Who has heard all that a worker published knows what it holds.
void VirtualCluster::CheckDirectories() const {
  for (const std::unique_ptr<Scheduler>& scheduler : schedulers_) {
    const Directory& directory = scheduler->core.directory();
    for (uint32_t i = 0; i < nodes_.size(); ++i) {
      const VirtualWorker* worker = nodes_[i]->worker.get();
      const std::optional<DirectoryCoverage> known = directory.Coverage(NodeOf(i), now_);
      if (worker == nullptr || !known || !known->speaks || known->blocks_forgotten > 0) continue;
      if (scheduler->options.staleness > Duration()) continue;  // the last words wait for a beat
      // More workers than an index has numbers for: it holds nothing of the last ones.
      if (nodes_.size() > kHoldersMax && known->blocks_known == 0) continue;
      CAIRN_CHECK_EQ(known->blocks_known, worker->core().store().copies().found_blocks());
    }
  }
}

ClusterResult VirtualCluster::Result() {
  CheckRequests();
  if (agenda_.size() == beats_ && ledger_.open() == 0) {
    CheckQuiet();
    CheckDirectories();
  }
  ClusterResult result{.requests = {}, .workers = {}, .end = now_, .events = events_};
  for (const std::unique_ptr<Node>& node : nodes_) {
    node->worker.reset();  // adds to the record what its core counted
    result.workers.push_back(node->record);
  }
  result.requests = ledger_.TakeRecords();
  return result;
}

}  // namespace cairn
