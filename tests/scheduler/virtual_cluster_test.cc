#include "scheduler/simulator/virtual_cluster.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "kvstore/base/prng.h"
#include "scheduler/simulator/attainment.h"
#include "tests/scheduler/cluster_house.h"

namespace cairn {
namespace {

TEST_CASE("one request takes its links, its steps and its turn, to the nanosecond") {
  Trace trace;
  trace.requests = {Ask(1000, 300, 3)};
  const ClusterResult result = VirtualCluster(SmallCluster(1), trace, LinearStep).Run();
  const RequestRecord& request = result.requests[0];
  // There, two chunks (256 and 44 tokens), back.
  const Duration prefill = Microseconds(2000 + 25'600) + Microseconds(2000 + 4'400);
  CHECK(request.outcome == RequestOutcome::kFinished);
  CHECK(request.dispatched == request.arrival);
  CHECK(request.ttft() == Microseconds(300) + prefill);
  CHECK(request.tpot() == Microseconds(3000));
  CHECK(request.gap_max == Microseconds(3000));
  CHECK(request.ended == request.last_token);
  CHECK(result.workers[0].busy == prefill + Microseconds(6000));
  CHECK(result.workers[0].prefill_tokens == 300);
  CHECK(result.workers[0].decode_tokens == 2);
}

TEST_CASE("a second identical prompt is a hit") {
  Trace trace{.block_tokens = 32};
  trace.requests = {Ask(0, 128, 2, {1, 2, 3, 4}), Ask(1'000'000, 128, 2, {1, 2, 3, 4}),
                    Ask(2'000'000, 128, 2, {1, 2, 9, 4})};
  const ClusterResult result = VirtualCluster(SmallCluster(1), trace, LinearStep).Run();
  CHECK(result.requests[0].cached_device_tokens == 0);
  CHECK(result.requests[1].cached_device_tokens == 127);  // the last token is computed again
  CHECK(result.requests[2].cached_device_tokens == 64);
  CHECK(result.requests[1].ttft() < result.requests[0].ttft());
}

TEST_CASE("the next turn of a session finds what the last one generated") {
  Trace trace{.block_tokens = 32};
  trace.requests = {Ask(0, 64, 40, {1, 2}), Ask(0, 128, 2, {1, 2, 3, 4})};
  trace.requests[1].previous = 0;
  trace.requests[1].think = Seconds(1);
  const ClusterResult result = VirtualCluster(SmallCluster(1), trace, LinearStep).Run();
  // 103 positions of the first turn have KV: 6 blocks of 16.
  CHECK(result.requests[1].cached_device_tokens == 96);
}

TEST_CASE("the queue of one server with fixed service times is as long as theory says") {
  // M/D/1 (Pollaczek-Khinchine): the mean wait is rho / (2 (1 - rho)) services.
  constexpr Duration kService = Milliseconds(10);
  constexpr uint32_t kTokens = 16;
  ClusterOptions options = SmallCluster(1);
  options.schedulers[0].link_delay = Duration();
  options.workers[0].limits.step_tokens = kTokens;  // one prompt fills a step
  const auto step = [](const StepPlan&, Duration) { return kService; };
  for (const double rho : {0.5, 0.8}) {
    double sum = 0;
    constexpr uint64_t kSeeds = 5;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      Prng prng(seed);
      Trace trace;
      double at_us = 0;
      for (int i = 0; i < 20'000; ++i) {
        at_us += -std::log(1.0 - prng.Uniform()) * 10'000.0 / rho;
        trace.requests.push_back(Ask(static_cast<int64_t>(at_us), kTokens, 1));
      }
      const ClusterResult result = VirtualCluster(options, trace, step).Run();
      REQUIRE(Count(result, RequestOutcome::kFinished) == trace.requests.size());
      const ClusterSummary summary = Summarize(result, {});
      sum += (summary.ttft.mean - kService).seconds() / kService.seconds();
    }
    const double theory = rho / (2 * (1 - rho));
    INFO("rho " << rho << ": simulated " << sum / kSeeds << ", theory " << theory);
    CHECK(std::abs(sum / kSeeds - theory) < 0.05 * theory);
  }
}

TEST_CASE("the same seed gives the same results, bit for bit, and another one does not") {
  const Trace trace = MixedTrace(3, 400);
  ClusterOptions options = SmallCluster(4, 3);
  for (SchedulerOptions& one : options.schedulers) one.staleness = Milliseconds(250);
  const auto run = [&](uint64_t seed) {
    options.seed = seed;
    return VirtualCluster(options, trace, LinearStep).Run();
  };
  const ClusterResult first = run(7);
  CHECK(first == run(7));
  CHECK_FALSE(first == run(8));
}

TEST_CASE("busy time by slices of time adds up to all of it") {
  const Trace trace = MixedTrace(5, 200);
  ClusterOptions options = SmallCluster(3);
  options.slice = Milliseconds(7);
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  for (const WorkerRecord& worker : result.workers) {
    Duration sum;
    for (const Duration slice : worker.busy_by_slice) {
      CHECK(slice <= options.slice);
      sum = sum + slice;
    }
    CHECK(sum == worker.busy);
  }
}

TEST_CASE("in a closed loop nobody asks before the last answer has been thought about") {
  Trace trace;
  trace.requests = {Ask(0, 100, 20), Ask(0, 100, 20), Ask(0, 100, 20), Ask(0, 50, 5)};
  trace.requests[1].previous = 0;
  trace.requests[1].think = Milliseconds(300);
  trace.requests[2].previous = 1;
  trace.requests[3].previous = 1;  // two that go on from one
  trace.requests[3].think = Milliseconds(1);
  const ClusterResult result = VirtualCluster(SmallCluster(2), trace, LinearStep).Run();
  CHECK(result.requests[1].arrival == result.requests[0].ended + Milliseconds(300));
  CHECK(result.requests[2].arrival == result.requests[1].ended);
  CHECK(result.requests[3].arrival == result.requests[1].ended + Milliseconds(1));
}

TEST_CASE("who waits in a queue that is full is shed and counted, and its session goes on") {
  Trace trace;
  for (int i = 0; i < 6; ++i) trace.requests.push_back(Ask(0, 200, 5));
  trace.requests.push_back(Ask(0, 100, 5));
  trace.requests[6].previous = 5;
  trace.requests[6].think = Seconds(10);
  ClusterOptions options = SmallCluster(1);
  options.schedulers[0].limits.live_requests_max = 3;
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(Count(result, RequestOutcome::kShed) == 3);
  CHECK(result.requests[6].outcome == RequestOutcome::kFinished);
}

// Prompts of their own at random instants, so much over what the workers compute.
Trace Overload(uint64_t seed, double load, uint32_t workers, uint32_t requests) {
  constexpr uint32_t kPrompt = 240;  // 26 ms with its step
  Prng prng(seed);
  Trace trace;
  double at_us = 0;
  for (uint32_t i = 0; i < requests; ++i) {
    at_us += -std::log(1.0 - prng.Uniform()) * 26'000 / load / workers;
    trace.requests.push_back(Ask(static_cast<int64_t>(at_us), kPrompt, 2));
  }
  return trace;
}

// Of the times that clients came back when they were told to: how often they were let in.
double LetInOnReturn(const ClusterResult& result) {
  uint64_t returns = 0, let_in = 0;
  for (const RequestRecord& request : result.requests) {
    if (request.outcome == RequestOutcome::kNotArrived || request.sheds == 0) continue;
    const bool finished = request.outcome == RequestOutcome::kFinished;
    returns += finished ? request.sheds : request.sheds - 1;
    let_in += finished;
  }
  REQUIRE(returns > 500);
  return static_cast<double>(let_in) / static_cast<double>(returns);
}

TEST_CASE("who comes back when told to is let in, under every limit and steady overload") {
  struct Limit {
    const char* name;
    std::function<void(SchedulerLimits&)> set;
  };
  const std::vector<Limit> limits = {
      {"wait", [](SchedulerLimits& l) { l.queue_wait_max = Seconds(4); }},
      {"live requests", [](SchedulerLimits& l) { l.live_requests_max = 200; }},
      {"queued tokens", [](SchedulerLimits& l) { l.queued_tokens_max = 40'000; }},
      {"TTFT target", [](SchedulerLimits& l) { l.early_reject_percent = 80; }},
  };
  for (const Limit& limit : limits) {
    for (const double load : {1.2, 1.5, 2.0}) {
      ClusterOptions options = SmallCluster(3);
      options.comes_back_max = 50;
      limit.set(options.schedulers[0].limits);
      const auto seed = static_cast<uint64_t>(10 * load);
      const ClusterResult result =
          VirtualCluster(options, Overload(seed, load, 3, 8'000), LinearStep).Run();
      const double let_in = LetInOnReturn(result);
      INFO(limit.name << ", load " << load << ": " << let_in);
      CHECK(let_in >= 0.9);
    }
  }
}

TEST_CASE("clients that never come back cost those who come no room") {
  ClusterOptions options = SmallCluster(3);
  options.schedulers[0].limits.live_requests_max = 200;
  const Trace trace = Overload(1, 1.5, 3, 12'000);
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(Count(result, RequestOutcome::kFinished) > 7600);  // of 12,000 at 1.5 times the load
}

TEST_CASE("a tenant that floods delays another's first token by no more than one prompt of each") {
  // One worker; the flood asks for three times what it computes, the other once a second.
  constexpr uint32_t kFlood = 400, kQuiet = 200;
  for (const bool flood : {false, true}) {
    Trace trace;
    for (int i = 0; i < 40; ++i) {
      trace.requests.push_back(Ask(1'000'000 + i * 1'000'000, kQuiet, 2));
      trace.requests.back().tenant = 1;
    }
    for (int i = 0; flood && i < 3000; ++i) trace.requests.push_back(Ask(i * 14'000, kFlood, 2));
    std::ranges::sort(trace.requests, {}, &TraceRequest::arrival);
    ClusterOptions options = SmallCluster(1);
    SchedulerLimits& limits = options.schedulers[0].limits;
    limits.unprefilled_tokens_max = 256;
    limits.live_requests_max = 1000;
    limits.tenants.share_percent = 50;
    const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
    // What the worker was given before (less than the limit and one prompt), one prompt of the
    // flood's whose turn it was, and its own; each step with all that may run, and the links.
    const int64_t tokens = 255 + kFlood + kFlood + kQuiet;
    const Duration bound = Microseconds(100) * tokens + Milliseconds(2 + 16) * (tokens / 240 + 2);
    for (size_t i = 0; i < result.requests.size(); ++i) {
      if (trace.requests[i].tenant == 0) continue;
      REQUIRE(result.requests[i].outcome == RequestOutcome::kFinished);
      CHECK(result.requests[i].ttft() <= bound);
    }
    // And the flood gets what is left: the worker is never idle.
    if (flood) CHECK(result.workers[0].busy.seconds() > 0.97 * 42);
  }
}

TEST_CASE("requests whose deadlines pass end, wherever they are, and everything is free again") {
  uint64_t expired = 0, finished = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    ClusterOptions options = SmallCluster(2, 2);
    options.seed = seed;
    options.deadline = Milliseconds(600);
    options.world = {{Instant() + Milliseconds(700), WorkerDies{0}},
                     {Instant() + Milliseconds(1500), WorkerReturns{0}}};
    const ClusterResult result = VirtualCluster(options, MixedTrace(seed, 300), LinearStep).Run();
    expired += Count(result, RequestOutcome::kExpired);
    finished += Count(result, RequestOutcome::kFinished);
    CHECK(Count(result, RequestOutcome::kUnfinished) == 0);
    for (const RequestRecord& request : result.requests) {
      if (request.outcome == RequestOutcome::kNotArrived) continue;
      // It lets go at its worker's next step boundary, or when the worker is known to be lost.
      CHECK(request.ended - request.arrival <= Milliseconds(600) + Milliseconds(100) + Seconds(1));
    }
  }
  CHECK(expired > 100);
  CHECK(finished > 500);
}

TEST_CASE("a request that no worker can hold fails, and a run without workers ends") {
  Trace trace;
  trace.requests = {Ask(0, 5000, 5)};
  CHECK(Count(VirtualCluster(SmallCluster(1), trace, LinearStep).Run(), RequestOutcome::kFailed) ==
        1);
  CHECK(Count(VirtualCluster(SmallCluster(0), trace, LinearStep).Run(), RequestOutcome::kShed) ==
        1);
}

TEST_CASE("stores publish to every scheduler, at whatever age, and nobody has to ask again") {
  const Trace trace = MixedTrace(12, 300);
  ClusterOptions options = SmallCluster(3, 3);
  options.schedulers[1].staleness = Milliseconds(250);
  options.schedulers[2].staleness = Seconds(2);
  options.world = {{Instant() + Seconds(1), WorkerDies{1}},
                   {Instant() + Milliseconds(2500), WorkerReturns{1}}};
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(Count(result, RequestOutcome::kFinished) == trace.requests.size());
  for (const WorkerRecord& worker : result.workers) {
    CHECK(worker.batches_published > 20);
    CHECK(worker.changes_published > worker.batches_published);
    CHECK(worker.resyncs == 0);  // links lose nothing here
  }
}

TEST_CASE("more workers than an index has numbers for serve, the last ones unknown to it") {
  Trace trace;
  for (int i = 0; i < 4100; ++i) trace.requests.push_back(Ask(i * 10, 40, 1));
  ClusterOptions options = SmallCluster(4100);
  options.schedulers[0].limits.routing.policy = PolicyKind::kRoundRobin;
  const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
  CHECK(Count(result, RequestOutcome::kFinished) == 4100);
  CHECK(result.requests.back().worker == 4099);
}

TEST_CASE("what a turn generated is known where stores publish, and only there") {
  // Two workers, and a policy that goes where most of the prompt is held. The prompts' own heads
  // are equal, so that only the generated part tells them apart; between equals it takes the first.
  Trace trace{.block_tokens = 32};
  for (uint64_t i = 0; i < 2; ++i) {
    trace.requests.push_back(Ask(0, 64, 200, {1, 2}));
    TraceRequest next =
        Ask(0, 256, 2, {1, 2, 100 + i, 110 + i, 120 + i, 130 + i, 140 + i, 150 + i});
    next.previous = static_cast<uint32_t>(2 * i);
    next.think = Seconds(4 - static_cast<int64_t>(i));
    trace.requests.push_back(next);
  }
  ClusterOptions options = SmallCluster(2);
  options.schedulers[0].limits.routing.policy = PolicyKind::kMinTtft;
  options.schedulers[0].limits.unprefilled_requests_max = 1;
  for (const bool publishes : {true, false}) {
    CAPTURE(publishes);
    for (WorkerOptions& worker : options.workers) worker.publishes = publishes;
    const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
    REQUIRE(result.requests[0].worker != result.requests[2].worker);
    const bool home = result.requests[1].worker == result.requests[0].worker &&
                      result.requests[3].worker == result.requests[2].worker;
    CHECK(home == publishes);
    CHECK((result.workers[0].batches_published > 0) == publishes);
  }
}

TEST_CASE("schedulers that ask see what others have sent, however old their words are") {
  // Prompts of 42 ms, one every 15 ms: three workers are just enough if nobody crowds one.
  Trace trace{.block_tokens = 32, .name = "busy"};
  for (int i = 0; i < 60; ++i) trace.requests.push_back(Ask(i * 15'000, 400, 1));
  const auto worst = [&](bool asking) {
    ClusterOptions options = SmallCluster(3, 4);
    for (SchedulerOptions& one : options.schedulers) {
      one.staleness = Seconds(5);
      if (asking) ShareWorkers(one.limits);
    }
    const ClusterResult result = VirtualCluster(options, trace, LinearStep).Run();
    CHECK(Count(result, RequestOutcome::kFinished) == trace.requests.size());
    Duration longest;
    for (const RequestRecord& request : result.requests) {
      longest = std::max(longest, request.ttft());
    }
    return longest;
  };
  CHECK(worst(true) * 3 < worst(false) * 2);
}

TEST_CASE("several schedulers share the workers, and each answers its own clients") {
  const Trace trace = MixedTrace(11, 300);
  const ClusterResult result = VirtualCluster(SmallCluster(3, 3), trace, LinearStep).Run();
  CHECK(Count(result, RequestOutcome::kFinished) == trace.requests.size());
  std::vector<size_t> asked(3);
  for (const RequestRecord& request : result.requests) ++asked[request.scheduler];
  for (size_t count : asked) CHECK(count > 60);
}

}  // namespace
}  // namespace cairn
