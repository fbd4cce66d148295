// The names that cross between scheduler, worker and store.
#pragma once

#include <compare>
#include <cstdint>

#include "kvstore/base/strong_int.h"

namespace cairn {

// A token of the model's vocabulary. Plain, because arithmetic and spans of it are everywhere.
using TokenId = int32_t;

struct RequestIdTag {
  static constexpr const char* kPrefix = "request-";
};
struct SequenceIdTag {
  static constexpr const char* kPrefix = "sequence-";
};
struct NodeIdTag {
  static constexpr const char* kPrefix = "node-";
};
struct EpochTag {
  static constexpr const char* kPrefix = "epoch-";
};
struct SlotIndexTag {
  static constexpr const char* kPrefix = "slot-";
};

// One request of one client, unique within a cluster's life. A request has one or more choices.
using RequestId = StrongInt<RequestIdTag, uint64_t>;
// One run of tokens on one worker: one choice of one request. Unique within a worker's epoch.
using SequenceId = StrongInt<SequenceIdTag, uint64_t>;
// One process of the cluster. Ties are broken towards the lower id.
using NodeId = StrongInt<NodeIdTag, uint32_t>;
// One life of a node: grows with every restart, so that words from an earlier life are refused.
using Epoch = StrongInt<EpochTag, uint64_t>;
// A place for one block in one tier.
using SlotIndex = StrongInt<SlotIndexTag, uint32_t>;

// One life of one node: whom to talk to, and nobody who came after.
struct NodeLife {
  NodeId node;
  Epoch epoch;
  friend auto operator<=>(const NodeLife&, const NodeLife&) = default;
};

}  // namespace cairn
