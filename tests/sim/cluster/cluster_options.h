// What one seed draws for a whole cluster: its machines, its links, and what the world does to
// them.
#pragma once

#include <cstdint>
#include <ostream>
#include <vector>

#include "kvstore/base/link_session.h"
#include "kvstore/base/phase_role.h"
#include "kvstore/directory/publish_log.h"
#include "scheduler/core/scheduler_core.h"
#include "tests/sim/workload/sim_options.h"

namespace cairn::sim {

// What one worker is for.
struct WorkerPost {
  PhaseRole role = PhaseRole::kMixed;
  uint32_t prompt_chunk = 0;  // 0: it is given no prompts
  friend bool operator==(const WorkerPost&, const WorkerPost&) = default;
};

std::ostream& operator<<(std::ostream& out, const WorkerPost& post);

struct ClusterSimOptions {
  SimOptions machine;  // of every worker; its clients are those of the cluster
  uint32_t workers = 1;
  uint32_t schedulers = 1;
  SchedulerLimits scheduler;
  LinkLimits link;
  PublishLimits publish;          // of the workers; that of the schedulers is in their limits
  std::vector<WorkerPost> posts;  // by worker; empty: all are mixed, and nothing is handed over
  Duration answer_max;            // who asks another worker for blocks gives up then
  int64_t transfer_us_max = 1;    // how long blocks are being sent

  // Of each message.
  int64_t delay_us_max = 1;
  double loss_chance = 0;
  double repeat_chance = 0;
  double late_chance = 0;  // it takes many times as long, and others overtake it

  // Of the time until the world heals.
  uint32_t worker_kills = 0;
  uint32_t scheduler_kills = 0;
  uint32_t cuts = 0;  // of links between one scheduler and one worker, in one direction or both
  uint32_t peer_cuts = 0;  // the same between two workers
  // Of those of whom one has just asked the other for blocks: one of them dies, the link is cut.
  uint32_t aimed_kills = 0;
  uint32_t aimed_cuts = 0;
  uint32_t tunings = 0;            // a worker gets another role and another chunk while it runs
  double misplaced_chance = 0;     // of an answer: two of its blocks change places
  int64_t outage_us_max = 1;       // of each
  int64_t slow_percent_max = 100;  // some workers' steps take so much longer

  // Workers talk to each other: requests are handed over, or prompts fetched.
  bool talks() const { return !posts.empty() || scheduler.routing.cost.fetch_token > Duration(); }
  // Workers are numbered from 1 in the cluster's words.
  WorkerPost PostOf(NodeId worker) const {
    return posts.empty() ? WorkerPost{.prompt_chunk = machine.worker.step_tokens}
                         : posts[worker.value() - 1];
  }
};

ClusterSimOptions DrawClusterOptions(uint64_t seed);
std::ostream& operator<<(std::ostream& out, const ClusterSimOptions& options);

}  // namespace cairn::sim
