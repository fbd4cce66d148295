#include "scheduler/simulator/fetch_price.h"

#include <algorithm>

#include "kvstore/base/check.h"

namespace cairn {

PeerOptions PeersOver(KvLink link, const StepCost& cost, uint32_t block_tokens) {
  PeerOptions peers;
  peers.transfer_time = [cost, link, block_tokens](uint64_t tokens) {
    return cost.TransferTokens(link, tokens, block_tokens);
  };
  return peers;
}

void LetFetch(KvLink link, const StepCost& cost, uint32_t block_tokens, ClusterOptions& cluster) {
  const Duration block = cost.TransferTokens(link, block_tokens, block_tokens);
  CAIRN_CHECK(block < StepCost::kNever);
  for (SchedulerOptions& scheduler : cluster.schedulers) {
    RouteCostOptions& price = scheduler.limits.routing.cost;
    price.fetch_token = std::max(Nanoseconds(1), block / int64_t{block_tokens});
    price.fetch_call = cluster.peers.delay * 2;  // the question, and a word that all has come
  }
}

}  // namespace cairn
