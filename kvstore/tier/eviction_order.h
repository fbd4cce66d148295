// Which copy of a tier goes first: the one that was used longest ago, among those that may go. Who
// may go (no lease, no move, no child in the tier: tail before head, I5) is the copy table's
// matter; it adds and removes accordingly. O(log n) a change, and the same on every machine.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "kvstore/block/block_lease.h"

namespace cairn {

class EvictionOrder {
 public:
  // `last_use` is a count that grows with every use in the node; equal ones go by id.
  void Add(HeldId block, uint64_t last_use);     // REQUIRES: not in the order
  void Remove(HeldId block, uint64_t last_use);  // REQUIRES: in the order, with this last_use
  std::optional<HeldId> First() const;
  size_t size() const { return order_.size(); }

 private:
  std::set<std::pair<uint64_t, HeldId>> order_;
};

}  // namespace cairn
