// What must be true of a simulated cluster when every request has ended and nothing is under way.
#include "tests/sim/cluster/cluster_sim.h"
#include "tests/sim/violation.h"

namespace cairn::sim {

bool ClusterSim::IsQuiet() const {
  for (const Worker& one : workers_) {
    if (!one.node->links().quiet() || !one.node->machine().core().idle()) return false;
  }
  for (const Scheduler& one : schedulers_) {
    if (!one.node->links().quiet()) return false;
    if (one.node->core().workers().size() != workers_.size()) return false;
    for (uint32_t i = 0; i < workers_.size(); ++i) {
      if (!IsTuned(one.node->core(), i)) return false;
      const auto known = one.node->core().directory().Coverage(WorkerId(i), now_);
      if (!known || !known->speaks || known->resync_pending) return false;
      if (one.node->core().directory().Applied(WorkerId(i)) != workers_[i].node->told_through()) {
        return false;
      }
    }
  }
  return true;
}

void ClusterSim::DemandQuiet() {
  for (uint32_t i = 0; i < workers_.size(); ++i) {
    const WorkerNode& node = *workers_[i].node;
    node.machine().DemandQuiet();
    const std::optional<WorkerPost>& tuned = workers_[i].tuned;
    Demand(
        !tuned || tuned->prompt_chunk == 0 || node.machine().prompt_chunk() == tuned->prompt_chunk,
        "tuning", "worker ", i, " was tuned and has chunks of ", node.machine().prompt_chunk());
    Demand(node.links().requests() == 0, "block_account", "worker ", i, " still keeps ",
           node.links().requests(), " requests of its schedulers");
    Demand(node.links().quiet(), "progress", "worker ", i, " does not get its words through");
  }
  for (uint32_t s = 0; s < schedulers_.size(); ++s) {
    const SchedulerNode& node = *schedulers_[s].node;
    Demand(node.core().live_requests() == 0, "conservation", "scheduler ", s, " keeps ",
           node.core().live_requests(), " requests");
    Demand(node.core().asking_requests() == 0, "conservation", "scheduler ", s, " still waits for ",
           "answers about ", node.core().asking_requests(), " requests");
    Demand(node.links().quiet(), "progress", "scheduler ", s, " does not get its words through");
    for (uint32_t i = 0; i < workers_.size(); ++i) {
      const auto known = node.core().workers().find(WorkerId(i));
      Demand(known != node.core().workers().end() && known->second.epoch == workers_[i].life,
             "progress", "worker ", i, " has not joined scheduler ", s);
      Demand(known->second.live_requests == 0 && known->second.unprefilled_tokens == 0,
             "conservation", "scheduler ", s, " still counts requests on worker ", i);
      Demand(IsTuned(node.core(), i), "tuning", "scheduler ", s, " takes worker ", i,
             " for what it was before");
      Demand(known->second.kv_tokens == 0, "conservation", "scheduler ", s, " still counts ",
             known->second.kv_tokens, " tokens of KV on worker ", i);
    }
  }
  DemandDirectories();
}

// What a directory claims of a worker is what can be found there, block by block and tier by tier.
void ClusterSim::DemandDirectories() {
  for (uint32_t s = 0; s < schedulers_.size(); ++s) {
    const Directory& directory = schedulers_[s].node->core().directory();
    for (uint32_t i = 0; i < workers_.size(); ++i) {
      std::map<BlockKey, bool> held;  // on the device?
      workers_[i].node->machine().core().store().copies().VisitFound([&](const FoundCopy& copy) {
        held[copy.key] |= copy.tier == Tier::kDevice;
        keys_.insert(copy.key);
      });
      const auto known = directory.Coverage(WorkerId(i), now_);
      // A small index forgets, and counts only roughly what.
      const bool complete = known->blocks_forgotten == 0 && directory.index().blocks_max() > 1000;
      for (const BlockKey& key : keys_) {
        const PrefixMatch match =
            directory.index().Match(directory.HolderOf(WorkerId(i)), {&key, 1});
        const auto there = held.find(key);
        Demand(match.blocks == 0 || there != held.end(), "directory_truth", "scheduler ", s,
               " believes that worker ", i, " holds ", key, ", which it does not");
        if (!complete) continue;
        Demand(match.blocks == (there != held.end() ? 1u : 0u), "directory_truth", "scheduler ", s,
               " does not know that worker ", i, " holds ", key);
        Demand(match.device_blocks == (there != held.end() && there->second ? 1u : 0u),
               "directory_truth", "scheduler ", s, " has ", key, " of worker ", i,
               " in another tier");
      }
    }
  }
}

}  // namespace cairn::sim
