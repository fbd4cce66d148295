// One planned copy of one block between two tiers of a node.
#pragma once

#include <cstdint>

#include "kvstore/base/ids.h"
#include "kvstore/block/block_key.h"
#include "kvstore/block/block_lease.h"
#include "kvstore/block/tier.h"

namespace cairn {

struct MoveIdTag {
  static constexpr const char* kPrefix = "move-";
};
using MoveId = StrongInt<MoveIdTag, uint64_t>;

// Copy the whole slot `source` of tier `from` to the slot `target` of tier `to`. Both slots stay as
// they are, and nobody writes the source or touches the target, until the move is reported
// finished.
struct Move {
  MoveId id;
  BlockKey key;  // whose bytes; for the trailer and for messages
  HeldId block;  // the row of the copy table
  Tier from = Tier::kDevice;
  SlotIndex source;
  Tier to = Tier::kDram;
  SlotIndex target;
};

enum class MoveOutcome : uint8_t {
  kDone,    // all bytes were copied; whether they are the right ones the checksum says
  kFailed,  // the target's bytes are worth nothing
};

}  // namespace cairn
