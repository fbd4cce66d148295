// Small clusters and workloads for tests of the virtual cluster.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "kvstore/base/prng.h"
#include "scheduler/simulator/virtual_cluster.h"

namespace cairn {

// 2 ms a step, 100 us a token of a prompt, 1 ms a decode.
inline Duration LinearStep(const StepPlan& plan, Duration /*idle*/) {
  int64_t microseconds = 2000;
  for (const StepSpan& span : plan.spans) {
    const auto tokens = static_cast<int64_t>(span.tokens.size());
    microseconds += tokens == 1 ? 1000 : 100 * tokens;
  }
  return Microseconds(microseconds);
}

inline WorkerOptions SmallWorker(uint32_t slots = 256, uint32_t dram = 0) {
  WorkerOptions options;
  options.limits.context_length = 4096;
  options.limits.step_tokens = 256;
  options.limits.sequences_max = 16;
  options.store = {.block_tokens = 16, .device = {.slots = slots}, .dram = {.slots = dram}};
  return options;
}

inline ClusterOptions SmallCluster(uint32_t workers, uint32_t schedulers = 1) {
  ClusterOptions options;
  options.workers.assign(workers, SmallWorker());
  options.schedulers.resize(schedulers);
  for (SchedulerOptions& one : options.schedulers) one.link_delay = Microseconds(150);
  return options;
}

inline TraceRequest Ask(int64_t arrival_us, uint32_t input, uint32_t output,
                        std::vector<uint64_t> blocks = {}) {
  TraceRequest request;
  request.arrival = Instant() + Microseconds(arrival_us);
  request.input_tokens = input;
  request.output_tokens = output;
  request.blocks = std::move(blocks);
  return request;
}

// Requests of all lengths that share heads, some in sessions, at a few hundred a second.
inline Trace MixedTrace(uint64_t seed, uint32_t requests) {
  Prng prng(seed);
  Trace trace{.block_tokens = 32, .name = "mixed"};
  int64_t at = 0;
  for (uint32_t i = 0; i < requests; ++i) {
    at += prng.Between(0, 20'000);
    TraceRequest request = Ask(at, static_cast<uint32_t>(prng.Between(1, 400)),
                               static_cast<uint32_t>(prng.Between(1, 60)));
    const uint64_t head = prng.Below(6);
    for (uint32_t b = 0; b * 32 < request.input_tokens; ++b) {
      request.blocks.push_back(b < 3 ? head * 100 + b : 10'000 + uint64_t{i} * 100 + b);
    }
    if (i > 0 && prng.Chance(0.3)) {
      request.previous = static_cast<uint32_t>(prng.Below(i));
      request.think = Milliseconds(prng.Between(0, 500));
    }
    trace.requests.push_back(std::move(request));
  }
  return trace;
}

inline size_t Count(const ClusterResult& result, RequestOutcome outcome) {
  size_t count = 0;
  for (const RequestRecord& request : result.requests) count += request.outcome == outcome;
  return count;
}

}  // namespace cairn
