#include "tests/sim/cluster/cluster_options.h"

#include <algorithm>
#include <iterator>
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

void DrawScheduler(Prng& prng, ClusterSimOptions& o) {
  SchedulerLimits& limits = o.scheduler;
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
  limits.block_tokens = prng.Chance(0.1) ? 0 : o.machine.store.block_tokens;
  // Now and then too small for all that is held.
  limits.directory.index.bytes_max = prng.Chance(0.1) ? 1 << 10 : 1 << 18;
  limits.directory.publish.reorder_wait = Microseconds(prng.Between(200, 2000));
  limits.directory.publish.resync_retry = Microseconds(prng.Between(1000, 5000));
  limits.directory.publish.early_batches_max = Draw(prng, 0, 6);
  // Now and then too short for any answer.
  if (prng.Chance(0.5)) {
    limits.ask_wait = Microseconds(prng.Chance(0.2) ? 1 : prng.Between(20, 5000));
    limits.asks_max = prng.Chance(0.2) ? Draw(prng, 1, 2) : 64;
  }
}

// What befalls blocks on their way from one worker to another.
void DrawPeers(Prng& prng, ClusterSimOptions& o) {
  o.answer_max =
      Microseconds(prng.Chance(0.7) ? prng.Between(5000, 20'000) : prng.Between(500, 5000));
  o.transfer_us_max = prng.Chance(0.3) ? 20 : prng.Between(20, 6000);
  o.peer_cuts = prng.Chance(0.5) ? 0 : Draw(prng, 1, 3);
  o.aimed_kills = prng.Chance(0.3) ? 0 : Draw(prng, 1, 4);
  o.aimed_cuts = prng.Chance(0.5) ? 0 : Draw(prng, 1, 3);
  o.misplaced_chance = DrawChance(prng, 0.3, 0.3);
}

// Workers of several kinds: a strict split, or chunks of two sizes. Their KV is so small that
// decodes must move, and some of what moves is lost in the middle.
void DrawPosts(Prng& prng, ClusterSimOptions& o) {
  o.workers = std::max(2u, o.workers);
  const uint32_t step = o.machine.worker.step_tokens;
  const bool strict = prng.Chance(0.4);
  const uint32_t small = Draw(prng, 1, std::max(1u, step / 4));
  for (uint32_t i = 0; i < o.workers; ++i) {
    const uint64_t kind = i < 2 ? i : prng.Below(3);
    const bool mixed = kind == 2 || (i == 1 && prng.Chance(0.1));
    const PhaseRole role = mixed       ? PhaseRole::kMixed
                           : kind == 0 ? PhaseRole::kPrefillHeavy
                                       : PhaseRole::kDecodeHeavy;
    const bool decodes = role == PhaseRole::kDecodeHeavy;
    o.posts.push_back({role, !decodes ? step : strict ? 0 : small});
  }
  PhaseOptions& phases = o.scheduler.phases;
  phases.length_aware = prng.Chance(0.7);
  phases.flow = prng.Chance(0.8);
  phases.follow = prng.Chance(0.6);
  phases.tpot_slo = prng.Chance(0.7) ? Duration() : Milliseconds(prng.Between(1, 100));
  phases.watermark_percent = Draw(prng, 20, 95);
  phases.back_percent = Draw(prng, 10, phases.watermark_percent);
  phases.lent_percent = Draw(prng, 30, 100);

  o.machine.store.block_tokens = std::max(2u, o.machine.store.block_tokens);
  o.machine.store.device.slots = std::clamp(o.machine.store.device.slots, 10u, 40u);
  o.machine.choices_max = prng.Chance(0.8) ? 1 : o.machine.choices_max;
  o.machine.requests = std::max(12u, o.machine.requests);
  o.machine.output_max = std::max(16u, o.machine.output_max);
  o.machine.arrival_gap_us_max = std::max<int64_t>(200, o.machine.arrival_gap_us_max);
  o.machine.worker.context_length = std::max(40u, o.machine.worker.context_length);
  WorkerLimits& worker = o.machine.worker;
  worker.loan_time =
      Microseconds(prng.Chance(0.7) ? prng.Between(10'000, 40'000) : prng.Between(1, 3000));
  worker.followed_max = prng.Chance(0.8) ? 64 : 1;
  DrawPeers(prng, o);
}

// Schedulers name lenders: bringing a token costs nearly nothing, so that whatever somebody else
// has said to hold is worth asking for. Prompts are long and alike, and policies mostly such as
// send them where they are not held.
void DrawFetching(Prng& prng, ClusterSimOptions& o) {
  RouteCostOptions& price = o.scheduler.routing.cost;
  price.fetch_token = Nanoseconds(prng.Between(1, 2000));
  price.fetch_call = Microseconds(prng.Chance(0.7) ? 0 : prng.Between(1, 200));
  price.fetch_tokens_min = Draw(prng, 1, 6);
  constexpr PolicyKind kSpreading[] = {PolicyKind::kRoundRobin, PolicyKind::kLeastLoaded,
                                       PolicyKind::kRandom2};
  if (prng.Chance(0.6)) o.scheduler.routing.policy = kSpreading[prng.Below(std::size(kSpreading))];
  o.scheduler.block_tokens = o.machine.store.block_tokens;
  o.workers = std::max(2u, o.workers);
  o.machine.store.device.slots = std::max(12u, o.machine.store.device.slots);
  o.machine.worker.context_length = std::max(60u, o.machine.worker.context_length);
  o.machine.prompt_max = std::max(30u, o.machine.prompt_max);
  o.machine.shared_prompts = Draw(prng, 1, 2);
  o.machine.requests = std::max(12u, o.machine.requests);
  o.machine.arrival_gap_us_max = std::max<int64_t>(500, o.machine.arrival_gap_us_max);
  o.machine.repeat_chance = std::max(0.3, o.machine.repeat_chance);
  if (prng.Chance(0.4)) {
    WorkerLimits& worker = o.machine.worker;
    worker.fetches_max = Draw(prng, 1, 3);
    worker.fetched_blocks_max = Draw(prng, 2, 12);
    worker.lends_max = Draw(prng, 1, 2);
    worker.lent_blocks_max = Draw(prng, 2, 6);
  }
  if (o.posts.empty()) DrawPeers(prng, o);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const WorkerPost& post) {
  return out << "mpd"[static_cast<size_t>(post.role)] << post.prompt_chunk;
}

ClusterSimOptions DrawClusterOptions(uint64_t seed) {
  Prng prng(SplitMix64(seed ^ 0xc105));
  ClusterSimOptions o;
  o.machine = DrawOptions(seed);
  o.machine.worker.requests_max = 1000;
  o.machine.arrival_gap_us_max = prng.Chance(0.2) ? 0 : prng.Between(1, 3000);
  o.machine.store.device.slots = std::max(4u, o.machine.store.device.slots);
  // Now and then, as in life, a message is there long before the step is over.
  if (prng.Chance(0.4)) o.machine.step_us_max = prng.Between(200, 4000);
  o.workers = Draw(prng, 1, 4);
  o.schedulers = prng.Chance(0.5) ? 1 : Draw(prng, 2, 3);

  o.link.window_words = prng.Chance(0.3) ? Draw(prng, 1, 4) : Draw(prng, 4, 200);
  // A session that cannot carry what is said in it is over and over again: little patience needs a
  // wide window.
  const bool patient = o.link.window_words < 40 || prng.Chance(0.3);
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
  if (prng.Chance(0.4)) DrawPosts(prng, o);
  DrawScheduler(prng, o);
  if (prng.Chance(0.35)) DrawFetching(prng, o);
  if (!o.posts.empty() && prng.Chance(0.5)) o.tunings = Draw(prng, 1, 6);
  return o;
}

std::ostream& operator<<(std::ostream& out, const ClusterSimOptions& o) {
  out << o.machine << " step_us=" << o.machine.step_us_max << " workers=" << o.workers
      << " schedulers=" << o.schedulers << " policy=" << PolicyName(o.scheduler.routing.policy)
      << " live_max=" << o.scheduler.live_requests_max
      << " unprefilled=" << o.scheduler.unprefilled_requests_max << "/"
      << o.scheduler.unprefilled_tokens_max << " ask_wait=" << o.scheduler.ask_wait << "/"
      << o.scheduler.asks_max << " keyed=" << o.scheduler.block_tokens
      << " index_bytes=" << o.scheduler.directory.index.bytes_max
      << " window=" << o.link.window_words << " words_max=" << o.link.words_max
      << " resend=" << o.link.resend_after << " beat=" << o.link.beat
      << " silence=" << o.link.silence_max << " batch=" << o.publish.batch_changes_max
      << " pending=" << o.publish.pending_changes_max << " tail=" << o.publish.tail_batches_max
      << " part=" << o.publish.snapshot_part_blocks << " delay_us=" << o.delay_us_max
      << " loss=" << o.loss_chance << " repeat=" << o.repeat_chance << " late=" << o.late_chance
      << " worker_kills=" << o.worker_kills << " scheduler_kills=" << o.scheduler_kills
      << " cuts=" << o.cuts << " outage_us=" << o.outage_us_max << " slow=" << o.slow_percent_max;
  if (o.talks()) {
    const RouteCostOptions& price = o.scheduler.routing.cost;
    out << " fetch_token=" << price.fetch_token << " fetch_call=" << price.fetch_call
        << " fetch_min=" << price.fetch_tokens_min << " fetches=" << o.machine.worker.fetches_max
        << "/" << o.machine.worker.fetched_blocks_max << " lends=" << o.machine.worker.lends_max
        << "/" << o.machine.worker.lent_blocks_max << " answer=" << o.answer_max
        << " transfer_us=" << o.transfer_us_max << " peer_cuts=" << o.peer_cuts
        << " aimed_kills=" << o.aimed_kills << " aimed_cuts=" << o.aimed_cuts
        << " misplaced=" << o.misplaced_chance;
  }
  if (o.posts.empty()) return out;
  out << " posts=";
  for (const WorkerPost& post : o.posts) out << post;
  const PhaseOptions& phases = o.scheduler.phases;
  return out << " length_aware=" << phases.length_aware << " flow=" << phases.flow
             << " follow=" << phases.follow << " tpot=" << phases.tpot_slo
             << " watermark=" << phases.watermark_percent << "/" << phases.back_percent << "/"
             << phases.lent_percent << " loan=" << o.machine.worker.loan_time
             << " followed=" << o.machine.worker.followed_max << " tunings=" << o.tunings;
}

}  // namespace cairn::sim
