// What one seed draws for a whole cluster: its machines, its links, and what the world does to
// them.
#pragma once

#include <cstdint>
#include <ostream>

#include "kvstore/base/link_session.h"
#include "kvstore/directory/publish_log.h"
#include "scheduler/core/scheduler_core.h"
#include "tests/sim/workload/sim_options.h"

namespace cairn::sim {

struct ClusterSimOptions {
  SimOptions machine;  // of every worker; its clients are those of the cluster
  uint32_t workers = 1;
  uint32_t schedulers = 1;
  SchedulerLimits scheduler;
  LinkLimits link;
  PublishLimits publish;  // of the workers; that of the schedulers is in their limits

  // Of each message.
  int64_t delay_us_max = 1;
  double loss_chance = 0;
  double repeat_chance = 0;
  double late_chance = 0;  // it takes many times as long, and others overtake it

  // Of the time until the world heals.
  uint32_t worker_kills = 0;
  uint32_t scheduler_kills = 0;
  uint32_t cuts = 0;  // of links between one scheduler and one worker, in one direction or both
  int64_t outage_us_max = 1;       // of each
  int64_t slow_percent_max = 100;  // some workers' steps take so much longer
};

ClusterSimOptions DrawClusterOptions(uint64_t seed);
std::ostream& operator<<(std::ostream& out, const ClusterSimOptions& options);

}  // namespace cairn::sim
