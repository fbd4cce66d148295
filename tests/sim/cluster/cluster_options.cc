#include "tests/sim/cluster/cluster_options.h"

#include <algorithm>
#include <span>

#include "kvstore/base/prng.h"
#include "tests/sim/sim_machine.h"

namespace cairn::sim {
namespace {

uint32_t Draw(Prng& prng, int64_t low, int64_t high) {
  return static_cast<uint32_t>(prng.Between(low, high));
}

double DrawChance(Prng& prng, double some, double high) {
  return prng.Chance(some) ? prng.Uniform() * high : 0.0;
}

SchedulerLimits DrawScheduler(Prng& prng, const SimOptions& machine) {
  SchedulerLimits limits;
  limits.live_requests_max = prng.Chance(0.1) ? Draw(prng, 1, 6) : 1000;
  limits.unprefilled_requests_max = prng.Chance(0.5) ? Draw(prng, 1, 3) : 64;
  limits.unprefilled_tokens_max = prng.Chance(0.5) ? Draw(prng, 1, 60) : 4096;
  const std::span<const PolicyKind> policies = AllPolicies();
  limits.routing.policy =
      prng.Chance(0.3) ? PolicyKind::kDualHash : policies[prng.Below(policies.size())];
  limits.routing.affinity_tokens = Draw(prng, 1, 30);
  // Lines are overloaded soon, so that requests are moved.
  if (prng.Chance(0.5)) limits.routing.ttft_slo = Microseconds(prng.Between(1, 2000));
  // Keyed as the workers key them; now and then not at all.
  limits.model = SimModel();
  limits.block_tokens = prng.Chance(0.1) ? 0 : machine.store.block_tokens;
  // Now and then too small for all that is held.
  limits.directory.index.bytes_max = prng.Chance(0.1) ? 1 << 10 : 1 << 18;
  limits.directory.publish.reorder_wait = Microseconds(prng.Between(200, 2000));
  limits.directory.publish.resync_retry = Microseconds(prng.Between(1000, 5000));
  limits.directory.publish.early_batches_max = Draw(prng, 0, 6);
  return limits;
}

}  // namespace

ClusterSimOptions DrawClusterOptions(uint64_t seed) {
  Prng prng(SplitMix64(seed ^ 0xc105));
  ClusterSimOptions o;
  o.machine = DrawOptions(seed);
  o.machine.worker.requests_max = 1000;
  o.machine.arrival_gap_us_max = prng.Chance(0.2) ? 0 : prng.Between(1, 3000);
  o.machine.store.device.slots = std::max(4u, o.machine.store.device.slots);
  o.workers = Draw(prng, 1, 4);
  o.schedulers = prng.Chance(0.5) ? 1 : Draw(prng, 2, 3);
  o.scheduler = DrawScheduler(prng, o.machine);

  o.link.window_words = prng.Chance(0.3) ? Draw(prng, 1, 4) : Draw(prng, 4, 200);
  // A session that cannot carry what is said in it is over and over again: little patience needs a
  // wide window.
  const bool patient = o.link.window_words < 40 || prng.Chance(0.5);
  o.link.words_max = patient ? 10'000 : o.link.window_words + Draw(prng, 5, 60);
  o.link.resend_after = Microseconds(prng.Between(300, 2000));
  o.link.beat = Microseconds(prng.Between(500, 1500));
  o.link.silence_max = o.link.beat * 4 + o.link.resend_after;
  o.publish.batch_changes_max = Draw(prng, 1, 20);
  o.publish.pending_changes_max = prng.Chance(0.1) ? 3 : 1000;
  o.publish.tail_batches_max = Draw(prng, 1, 30);
  o.publish.snapshot_part_blocks = Draw(prng, 1, 30);

  o.delay_us_max = prng.Chance(0.3) ? 10 : prng.Between(10, 400);
  o.loss_chance = DrawChance(prng, 0.5, 0.3);
  o.repeat_chance = DrawChance(prng, 0.4, 0.3);
  o.late_chance = DrawChance(prng, 0.4, 0.1);
  o.worker_kills = prng.Chance(0.5) ? 0 : Draw(prng, 1, 3);
  o.scheduler_kills = prng.Chance(0.8) ? 0 : Draw(prng, 1, 2);
  o.cuts = prng.Chance(0.5) ? 0 : Draw(prng, 1, 4);
  o.outage_us_max = prng.Between(500, 30'000);
  o.slow_percent_max = prng.Chance(0.7) ? 100 : prng.Between(100, 2000);
  return o;
}

std::ostream& operator<<(std::ostream& out, const ClusterSimOptions& o) {
  return out << o.machine << " step_us=" << o.machine.step_us_max << " workers=" << o.workers
             << " schedulers=" << o.schedulers
             << " policy=" << PolicyName(o.scheduler.routing.policy)
             << " live_max=" << o.scheduler.live_requests_max
             << " unprefilled=" << o.scheduler.unprefilled_requests_max << "/"
             << o.scheduler.unprefilled_tokens_max << " keyed=" << o.scheduler.block_tokens
             << " index_bytes=" << o.scheduler.directory.index.bytes_max
             << " window=" << o.link.window_words << " words_max=" << o.link.words_max
             << " resend=" << o.link.resend_after << " beat=" << o.link.beat
             << " silence=" << o.link.silence_max << " batch=" << o.publish.batch_changes_max
             << " pending=" << o.publish.pending_changes_max
             << " tail=" << o.publish.tail_batches_max << " part=" << o.publish.snapshot_part_blocks
             << " delay_us=" << o.delay_us_max << " loss=" << o.loss_chance
             << " repeat=" << o.repeat_chance << " late=" << o.late_chance
             << " worker_kills=" << o.worker_kills << " scheduler_kills=" << o.scheduler_kills
             << " cuts=" << o.cuts << " outage_us=" << o.outage_us_max
             << " slow=" << o.slow_percent_max;
}

}  // namespace cairn::sim
