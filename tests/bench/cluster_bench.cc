// How long a simulated hour takes: a conversation-like workload (12,031 requests, some 12,000
// prompt and 340 output tokens each, sessions that grow, one shared head) on 16 workers, on one
// core.
//
//   cluster_bench [workers [requests [schedulers [seconds]]]]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kvstore/base/prng.h"
#include "kvstore/shell/system_clock.h"
#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/virtual_cluster.h"

namespace cairn {
namespace {

constexpr uint32_t kBlockTokens = 512;

// Log-normal around `median`, with a mean of median * exp(sigma^2 / 2).
uint32_t Draw(Prng& prng, double median, double sigma, double max) {
  const double u = std::max(prng.Uniform(), 1e-12);
  const double normal = std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * prng.Uniform());
  return static_cast<uint32_t>(std::min(max, std::max(1.0, median * std::exp(sigma * normal))));
}

Trace Conversations(uint32_t requests, uint32_t seconds, uint64_t seed) {
  Prng prng(seed);
  Trace trace{.block_tokens = kBlockTokens, .name = "conversation-like"};
  std::vector<std::vector<uint64_t>> sessions;
  uint64_t next_block = 1;
  for (uint32_t i = 0; i < requests; ++i) {
    TraceRequest request;
    request.arrival = Instant() + Nanoseconds(static_cast<int64_t>(1e9 * seconds * i / requests));
    request.output_tokens = Draw(prng, 300, 0.52, 2000);
    // Two of five go on with a recent session; all share block 0.
    if (sessions.empty() || prng.Chance(0.6)) sessions.push_back({0});
    const size_t recent = std::min<size_t>(sessions.size(), 300);
    std::vector<uint64_t>& session = sessions[sessions.size() - 1 - prng.Below(recent)];
    const size_t wanted = session.size() + Draw(prng, 3400, 1.05, 100'000) / kBlockTokens;
    while (session.size() < wanted && session.size() < 240) session.push_back(next_block++);
    request.blocks = session;
    request.input_tokens = static_cast<uint32_t>(session.size()) * kBlockTokens;
    trace.requests.push_back(std::move(request));
  }
  return trace;
}

// About Llama-3.1-8B on an H100: 18 us a prompt token, 6.6 ms and 41 ns a context token for
// decodes.
Duration StepTimeOf(const StepPlan& plan, Duration /*idle*/) {
  int64_t ns = 6'600'000;
  for (const StepSpan& span : plan.spans) {
    const auto tokens = static_cast<int64_t>(span.tokens.size());
    ns += tokens == 1 ? 9'700 + 41 * int64_t{span.first_position}
                      : tokens * (18'300 + span.first_position * 4 / 5 / 1000);
  }
  return Nanoseconds(ns);
}

int Main(int argc, char** argv) {
  const auto argument = [&](int i, uint32_t otherwise) {
    return argc > i ? static_cast<uint32_t>(std::strtoul(argv[i], nullptr, 10)) : otherwise;
  };
  const uint32_t workers = argument(1, 16);
  const Trace trace = Conversations(argument(2, 12'031), argument(4, 3537), 1);
  ClusterOptions options;
  options.workers.resize(workers);
  options.schedulers.resize(argument(3, 1));
  for (SchedulerOptions& one : options.schedulers) one.link_delay = Microseconds(200);
  const SystemClock clock;
  const Instant start = clock.Now();
  const ClusterResult result = VirtualCluster(options, trace, StepTimeOf).Run();
  const double wall = (clock.Now() - start).seconds();
  const ClusterSummary summary = Summarize(result, SloTarget{.ttft = Seconds(5)});
  uint64_t steps = 0, computed = 0;
  for (const WorkerRecord& worker : result.workers) {
    steps += worker.steps;
    computed += worker.prefill_tokens;
  }
  std::printf(
      "simulated: %u workers, %zu requests, %.0f s: attainment %.3f, ttft p50 %.3f s, p90 %.3f s, "
      "hit %.1f %%, busy %.0f %%\n",
      workers, summary.requests, summary.span.seconds(), summary.attainment,
      summary.ttft.p50.seconds(), summary.ttft.p90.seconds(),
      100.0 * static_cast<double>(summary.hit_device_tokens) /
          static_cast<double>(summary.prompt_tokens),
      100 * summary.busy_share);
  std::printf(
      "wall: %.2f s for %llu steps, %llu output tokens, %llu prompt tokens (%llu computed), %llu "
      "events\n",
      wall, static_cast<unsigned long long>(steps),
      static_cast<unsigned long long>(summary.output_tokens),
      static_cast<unsigned long long>(summary.prompt_tokens),
      static_cast<unsigned long long>(computed), static_cast<unsigned long long>(result.events));
  return 0;
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) { return cairn::Main(argc, argv); }
