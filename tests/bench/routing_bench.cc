// How long a routing decision takes with 1,000 workers and 10 million indexed blocks, by policy,
// and what the index needs: `routing_bench [workers] [blocks in millions]`. One JSON line for each
// measurement.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kvstore/base/prng.h"
#include "scheduler/core/routing_policy.h"

namespace cairn {
namespace {

constexpr uint32_t kChainBlocks = 500;  // 8,000 tokens in blocks of 16
constexpr uint32_t kHeadBlocks = 32;    // shared by the chains of one family

using Nanos = std::chrono::nanoseconds;

// Chains of 500 blocks, ten to a family; those of a family share their first 32, as conversations
// share a system prompt.
std::vector<BlockKey> ChainOf(uint64_t number, uint64_t families) {
  std::vector<BlockKey> chain;
  chain.reserve(kChainBlocks);
  for (uint64_t block = 0; block < kChainBlocks; ++block) {
    const bool head = block < kHeadBlocks;
    const uint64_t id = head ? number % families : (uint64_t{1} << 40) + number;
    chain.push_back({SplitMix64(id), SplitMix64(id * 1000 + block)});
  }
  return chain;
}

struct Cluster {
  Cluster(uint32_t workers, uint64_t blocks)
      : index({.bytes_max = blocks * 245 / 10 + (1 << 20)}), views(workers) {
    Prng prng(1);
    for (uint32_t i = 0; i < workers; ++i) {
      WorkerView& view = views[i];
      view.node = NodeId(i + 1);
      view.epoch = Epoch(1);
      view.holder = index.Join();
      view.cost.Learn(512, Milliseconds(20));
      view.backlog.Hear(prng.Below(40'000), Instant());
      workers_seen.push_back(&view);
    }
    chains = blocks / (kChainBlocks - kHeadBlocks);
    families = std::max<uint64_t>(1, chains / 10);
    // Each chain is held by one of its homes, as it would be after a while of dual hashing; every
    // fourth by a stranger, who has to be looked for.
    const auto placing = MakeRoutingPolicy({}, 16);
    for (uint64_t number = 0; number < chains; ++number) {
      const std::vector<BlockKey> chain = ChainOf(number, families);
      const Homes homes = placing->HomesOf({RequestId(number), 0, chain}, fleet(0));
      const size_t stranger = SplitMix64(number) % workers;
      const size_t worker = number % 4 == 3 ? stranger : homes[number % homes.size()];
      const HolderId holder = views[worker].holder;
      for (uint32_t block = 0; block < kChainBlocks; ++block) {
        index.Publish(holder, {.key = chain[block], .depth = block});
      }
    }
  }
  FleetView fleet(uint64_t step) const {
    return {.workers = workers_seen,
            .index = index,
            .block_tokens = 16,
            .membership = 1,
            .now = Instant() + Microseconds(static_cast<int64_t>(step))};
  }

  PrefixIndex index;
  std::vector<WorkerView> views;
  std::vector<const WorkerView*> workers_seen;
  uint64_t chains = 0, families = 0;
};

void Measure(PolicyKind kind, Cluster& cluster, size_t decisions) {
  RoutingOptions options;
  options.policy = kind;
  const auto policy = MakeRoutingPolicy(options, 16);
  Prng prng(7);
  std::vector<int64_t> times;
  uint64_t hits = 0;
  for (size_t i = 0; i < decisions; ++i) {
    const std::vector<BlockKey> chain = ChainOf(prng.Below(cluster.chains), cluster.families);
    const RouteRequest request{RequestId(i + 1), kChainBlocks * 16 + 9, chain};
    const auto start = std::chrono::steady_clock::now();
    const RouteChoice choice = policy->Route(request, cluster.fleet(i));
    const auto end = std::chrono::steady_clock::now();
    times.push_back(std::chrono::duration_cast<Nanos>(end - start).count());
    hits += choice.cost.hit_tokens;
  }
  std::ranges::sort(times);
  std::printf(
      "{\"bench\": \"route\", \"policy\": \"%s\", \"workers\": %zu, \"blocks\": %llu, "
      "\"p50_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f, \"hit_share\": %.3f}\n",
      PolicyName(kind).data(), cluster.views.size(),
      static_cast<unsigned long long>(cluster.index.blocks()),
      static_cast<double>(times[times.size() / 2]) / 1e3,
      static_cast<double>(times[times.size() * 99 / 100]) / 1e3,
      static_cast<double>(times.back()) / 1e3,
      static_cast<double>(hits) / static_cast<double>(decisions * kChainBlocks * 16));
}

int Run(uint32_t workers, uint64_t blocks) {
  const auto start = std::chrono::steady_clock::now();
  Cluster cluster(workers, blocks);
  const auto end = std::chrono::steady_clock::now();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto indexed = static_cast<double>(cluster.index.blocks());
  const auto published = static_cast<double>(cluster.chains * kChainBlocks);
  std::printf(
      "{\"bench\": \"index\", \"blocks\": %.0f, \"bytes_max_a_block\": %.1f, "
      "\"resident_bytes_a_block\": %.1f, \"publish_ns\": %.0f}\n",
      indexed, static_cast<double>(cluster.index.bytes_max()) / indexed,
      static_cast<double>(usage.ru_maxrss) * 1024 / indexed,
      static_cast<double>(std::chrono::duration_cast<Nanos>(end - start).count()) / published);
  for (const PolicyKind kind : AllPolicies()) Measure(kind, cluster, 20'000);
  return 0;
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  const auto workers = static_cast<uint32_t>(argc > 1 ? std::atoi(argv[1]) : 1000);
  const auto millions = static_cast<uint64_t>(argc > 2 ? std::atoi(argv[2]) : 10);
  return cairn::Run(std::max(1u, workers), std::max<uint64_t>(1, millions) * 1'000'000);
}
