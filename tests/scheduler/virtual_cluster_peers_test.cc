#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "kvstore/base/prng.h"
#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/peer_links.h"
#include "scheduler/simulator/role_summary.h"
#include "tests/scheduler/cluster_house.h"

namespace cairn {
namespace {

// Prefill-heavy workers first. 1 us a token between workers.
ClusterOptions PhasedCluster(uint32_t prefill, uint32_t decode, uint32_t slots = 256) {
  ClusterOptions options = SmallCluster(0);
  WorkerOptions worker = SmallWorker(slots);
  worker.role = PhaseRole::kPrefillHeavy;
  options.workers.assign(prefill, worker);
  worker.role = PhaseRole::kDecodeHeavy;
  worker.limits.prompt_chunk = 16;
  worker.takes_prompts = false;
  options.workers.insert(options.workers.end(), decode, worker);
  options.peers.transfer_time = [](uint64_t tokens) {
    return Microseconds(static_cast<int64_t>(tokens));
  };
  return options;
}

TEST_CASE("a prompt is computed on one worker and decoded on another, to the nanosecond") {
  Trace trace;
  trace.requests = {Ask(1000, 300, 3)};
  ClusterOptions options = PhasedCluster(1, 1);
  options.schedulers[0].limits.phases.follow = false;
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  const RequestRecord& request = result.requests[0];
  const Duration prefill = Microseconds(2000 + 25'600) + Microseconds(2000 + 4'400);
  CHECK(request.outcome == RequestOutcome::kFinished);
  CHECK(request.handoffs == 1);
  CHECK(request.dispatches == 1);
  CHECK(request.ttft() == Microseconds(300) + prefill);
  // The first token goes up and the rest down, a question and 300 tokens come, then two decodes.
  const Duration handoff = Microseconds(300) + Microseconds(50) + Microseconds(300);
  CHECK(request.last_token - request.first_token == handoff + Microseconds(2 * 3000));
  CHECK(result.workers[0].prefill_tokens == 300);
  CHECK(result.workers[1].prefill_tokens == 0);
  CHECK(result.workers[1].decode_tokens == 2);
  CHECK(result.workers[1].blocks_fetched == 19);  // 18 full ones and a partial one
  // By role: the first worker had it until it was handed over, the other one from then on.
  const Duration span = request.ended - request.arrival;
  const std::vector<RoleSummary> roles = SummarizeRoles(result, span);
  REQUIRE(roles.size() == 2);
  CHECK(roles[0].role == PhaseRole::kPrefillHeavy);
  CHECK(roles[0].handoffs_out == 1);
  CHECK(roles[1].handoffs_in == 1);
  CHECK(roles[0].prefilling ==
        Approx((request.first_token - request.dispatched).seconds() / span.seconds()));
  CHECK(roles[1].prefilling == 0);
  CHECK(roles[1].decoding == Approx((request.ended - request.handed).seconds() / span.seconds()));
  CHECK(roles[1].busy_share == Approx(0.006 / span.seconds()));
}

TEST_CASE("blocks are fetched as they are sealed: only the tail shows") {
  Trace trace;
  trace.requests = {Ask(1000, 300, 3)};
  const ClusterResult result = VirtualCluster(PhasedCluster(1, 1), trace, LinearStep).Run();
  const RequestRecord& request = result.requests[0];
  CHECK(request.handoffs == 1);
  // 16 blocks came while the second chunk was computed, and two more beside the way of the first
  // token.
  const Duration shown = request.last_token - request.first_token - Microseconds(2 * 3000);
  CHECK(shown == Microseconds(300) + Microseconds(50) + Microseconds(12));
}

TEST_CASE("a link carries one transfer after the other each way, each for as long as it takes") {
  Prng prng(1);
  PeerLinks links({.delay = Duration(), .transfer_time = [](uint64_t tokens) {
                     return Microseconds(static_cast<int64_t>(tokens));
                   }});
  Instant now;
  std::map<std::pair<uint32_t, bool>, Instant> free_at;  // by worker and direction
  for (int i = 0; i < 2000; ++i) {
    now = now + Microseconds(prng.Between(0, 300));
    const auto from = static_cast<uint32_t>(prng.Below(4)),
               to = static_cast<uint32_t>(prng.Below(4));
    const uint64_t tokens = prng.Below(1000);
    const Instant ends = links.Carry(from, to, tokens, now);
    Instant& sends = free_at[{from, true}];
    Instant& receives = free_at[{to, false}];
    REQUIRE(ends == std::max({now, sends, receives}) + Microseconds(static_cast<int64_t>(tokens)));
    sends = receives = ends;
  }
}

TEST_CASE("a client may leave at any instant of a request's life, and everything is free again") {
  // Two schedulers that ask, a prompt whose head is cached elsewhere, a handoff that is followed,
  // decodes: with four others beside it. The cluster itself counts what is left.
  Trace trace{.block_tokens = 32};
  for (uint32_t i = 0; i < 5; ++i) {
    trace.requests.push_back(Ask(i * 30'000, 260, 8, {1, 2, 3, 4, 5, 6, 7, 100 + i}));
  }
  ClusterOptions options = PhasedCluster(2, 2);
  options.schedulers.resize(2, options.schedulers[0]);
  for (SchedulerOptions& one : options.schedulers) {
    ShareWorkers(one.limits);
    one.limits.routing.cost.fetch_token = Microseconds(1);
  }
  const ClusterResult whole = VirtualCluster(options, trace, LinearStep).Run();
  const RequestRecord& last = whole.requests[4];
  REQUIRE(last.handoffs > 0);
  size_t cancelled = 0, runs = 0;
  for (Instant at = last.arrival; at <= last.ended; at = at + Microseconds(50)) {
    options.world = {{at, ClientCancels{4}}};
    const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
    cancelled += Count(result, RequestOutcome::kCancelled);
    REQUIRE(Count(result, RequestOutcome::kCancelled) + Count(result, RequestOutcome::kFinished) ==
            trace.requests.size());
    ++runs;
  }
  CHECK(runs > 300);
  CHECK(cancelled + 10 > runs);  // at the end it may have finished before it is heard
}

TEST_CASE("workers that hand over, die, return and are tuned lose no request and keep no block") {
  uint64_t handoffs = 0, restarts = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Prng prng(seed);
    const Trace trace = MixedTrace(seed, 120);
    ClusterOptions options = PhasedCluster(2, 2, prng.Chance(0.5) ? 64 : 256);
    options.seed = seed;
    for (WorkerOptions& worker : options.workers) worker.takes_prompts |= prng.Chance(0.5);
    options.schedulers[0].limits.routing.ttft_slo = Milliseconds(300);
    options.schedulers[0].limits.phases.tpot_slo = Milliseconds(prng.Between(4, 20));
    options.schedulers[0].limits.phases.watermark_percent = 60;
    for (int i = 0; i < 6; ++i) {
      const auto worker = static_cast<uint32_t>(prng.Below(4));
      const Instant at = Instant() + Milliseconds(prng.Between(0, 1500));
      options.world.push_back({at, WorkerDies{worker}});
      options.world.push_back({at + Milliseconds(prng.Between(1, 400)), WorkerReturns{worker}});
      options.world.push_back({at, ClientCancels{static_cast<uint32_t>(prng.Below(120))}});
      options.world.push_back({at, WorkerIsTuned{static_cast<uint32_t>(prng.Below(4)),
                                                 static_cast<PhaseRole>(prng.Below(3)),
                                                 static_cast<uint32_t>(prng.Below(3) * 32)}});
    }
    options.loss_detection = Milliseconds(50);
    const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
    CHECK(Count(result, RequestOutcome::kUnfinished) == 0);
    for (const RequestRecord& request : result.requests) {
      handoffs += request.handoffs;
      restarts += request.dispatches > 1 ? 1 : 0;
    }
  }
  CHECK(handoffs > 1000);
  CHECK(restarts > 50);
}

TEST_CASE("decodes flow away from a full worker and back when there is room") {
  Trace trace;
  for (int i = 0; i < 12; ++i) trace.requests.push_back(Ask(i * 20'000, 200, 200));
  ClusterOptions options = PhasedCluster(1, 1, 128);
  options.workers[0].store.device.slots = 512;
  options.schedulers[0].limits.phases.tpot_slo = Milliseconds(40);
  const auto run = [&] { return VirtualCluster(options, trace, LinearStep).Run(); };
  const ClusterResult flows = run();
  options.schedulers[0].limits.phases.flow = false;
  const ClusterResult waits = run();
  uint64_t moved = 0;
  for (const RequestRecord& request : flows.requests) moved += request.handoffs > 1;
  CHECK(moved > 2);
  for (const RequestRecord& request : waits.requests) CHECK(request.handoffs == 1);
  CHECK(Summarize(flows, {}).tpot.max < Summarize(waits, {}).tpot.max);
}

TEST_CASE(
    "a decode for which nobody has room begins where its prompt was, and goes when there is") {
  Trace trace;
  trace.requests = {Ask(1000, 300, 100), Ask(100'000, 300, 200)};
  ClusterOptions options = PhasedCluster(1, 1);
  options.workers[1].store.device.slots = 40;  // room for one of them
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(result.requests[0].handoffs == 1);
  CHECK(result.requests[1].handoffs == 1);
  CHECK(result.workers[0].decode_tokens > 20);
  CHECK(result.workers[0].decode_tokens + result.workers[1].decode_tokens == 99 + 199);
  CHECK(result.workers[1].decode_tokens > 99 + 100);
  CHECK(result.requests[1].gap_max < Milliseconds(20));
  // Without flow it waits there until the first has ended.
  options.schedulers[0].limits.phases.flow = false;
  const ClusterResult waits = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(waits.workers[0].decode_tokens == 0);
  CHECK(waits.requests[1].gap_max > Milliseconds(200));
}

TEST_CASE("a decode-heavy worker helps with prompts only while no prefill-heavy one is idle") {
  Trace trace;
  for (int i = 0; i < 3; ++i) trace.requests.push_back(Ask(1000 + i, 100, 1));
  ClusterOptions options = PhasedCluster(2, 1);
  options.workers[2].takes_prompts = true;
  options.schedulers[0].limits.routing.policy = PolicyKind::kMinTtft;
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(result.requests[0].worker == 0);
  CHECK(result.requests[1].worker == 1);
  CHECK(result.requests[2].worker == 2);
  // Then too only if it would be early enough there.
  options.schedulers[0].limits.routing.ttft_slo = Milliseconds(1);
  const ClusterResult late = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(late.requests[2].worker != 2);
}

TEST_CASE("where KV is short, workers that help each other serve no fewer than a strict split") {
  uint64_t moves = 0, requests = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    Prng prng(seed);
    // More decodes than the decode-heavy worker can hold, and prompts for KV of any other.
    Trace trace;
    int64_t at_us = 0;
    for (int i = 0; i < 200; ++i) {
      at_us += prng.Between(5'000, 75'000);
      trace.requests.push_back(Ask(at_us, static_cast<uint32_t>(prng.Between(60, 300)),
                                   static_cast<uint32_t>(prng.Between(20, 120))));
    }
    const SloTarget target{Milliseconds(400), Milliseconds(20)};
    ClusterOptions options = PhasedCluster(2, 1, 60);
    options.seed = seed;
    options.schedulers[0].limits.routing.ttft_slo = target.ttft;
    options.schedulers[0].limits.phases.tpot_slo = target.tpot;
    options.schedulers[0].limits.phases.flow = false;
    const ClusterResult split = VirtualCluster(options, trace, LinearStep).Run();
    options.schedulers[0].limits.phases.flow = true;
    options.workers[2].takes_prompts = true;
    const ClusterResult hybrid = VirtualCluster(options, trace, LinearStep).Run();
    CHECK(Attainment(hybrid.requests, target) >= Attainment(split.requests, target));
    for (const RequestRecord& request : hybrid.requests) moves += request.handoffs;
    requests += hybrid.requests.size();
  }
  // Nobody is chased round.
  CHECK(moves < 2 * requests);
}

}  // namespace
}  // namespace cairn
