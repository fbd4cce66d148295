#include "kvstore/tier/eviction_order.h"

#include "kvstore/base/check.h"

namespace cairn {

void EvictionOrder::Add(HeldId block, uint64_t last_use) {
  CAIRN_CHECK(order_.emplace(last_use, block).second);
}

void EvictionOrder::Remove(HeldId block, uint64_t last_use) {
  CAIRN_CHECK_EQ(order_.erase({last_use, block}), 1u);
}

std::optional<HeldId> EvictionOrder::First() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->second;
}

}  // namespace cairn
