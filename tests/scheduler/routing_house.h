// Workers, an index and one policy, for stories about routing. Every worker computes a prompt token
// in 100 microseconds, in steps of up to 1,000 tokens; blocks have 16 tokens.
#pragma once

#include <memory>
#include <vector>

#include "scheduler/core/routing_policy.h"

namespace cairn {

inline std::vector<BlockKey> MakeChain(uint64_t family, uint32_t blocks) {
  std::vector<BlockKey> chain;
  for (uint32_t block = 0; block < blocks; ++block) chain.push_back({family, block});
  return chain;
}

struct RoutingHouse {
  explicit RoutingHouse(uint32_t count, const RoutingOptions& options = {})
      : views(count), policy(MakeRoutingPolicy(options, 16)) {
    for (uint32_t i = 0; i < count; ++i) {
      views[i].node = NodeId(i + 1);
      views[i].epoch = Epoch(1);
      views[i].holder = index.Join();
      views[i].step_tokens = 1000;
      views[i].cost.Learn(1000, Milliseconds(100));
      views[i].backlog.Hear(0, Instant());
      workers.push_back(&views[i]);
    }
  }

  FleetView fleet() const {
    return {.workers = workers, .index = index, .block_tokens = 16, .membership = 1, .now = now};
  }
  static RouteRequest RequestFor(uint64_t id, const std::vector<BlockKey>& chain) {
    return {RequestId(id), static_cast<uint32_t>(chain.size() * 16 + 8), chain};
  }
  RouteChoice Route(uint64_t id, const std::vector<BlockKey>& chain) {
    return policy->Route(RequestFor(id, chain), fleet());
  }
  // Routes, and counts what was sent.
  size_t Send(uint64_t id, const std::vector<BlockKey>& chain) {
    const RouteChoice choice = Route(id, chain);
    views[choice.worker].backlog.Send(choice.cost.work_tokens);
    return choice.worker;
  }
  Homes HomesOf(uint64_t id, const std::vector<BlockKey>& chain) {
    return policy->HomesOf(RequestFor(id, chain), fleet());
  }
  void Hold(size_t worker, const std::vector<BlockKey>& chain, uint32_t blocks) {
    for (uint32_t block = 0; block < blocks; ++block) {
      index.Publish(views[worker].holder, {.key = chain[block], .depth = block});
    }
  }

  PrefixIndex index{PrefixIndexLimits{.bytes_max = uint64_t{1} << 22}};
  std::vector<WorkerView> views;
  std::vector<const WorkerView*> workers;
  Instant now;
  std::unique_ptr<RoutingPolicy> policy;
};

}  // namespace cairn
