// What a store core hears.
#pragma once

#include <cstdint>
#include <variant>

#include "kvstore/tier/move.h"

namespace cairn {

// The answer to one StartMove.
//   checksum  64 bits over all bytes of the device slot of the move, if kDone: of the source
//             before it was copied when a block leaves the device, of the target after the copy
//             when one comes back. The core compares the two, so damage on the way out, at rest,
//             or on the way in is seen before anyone reads the block (any function that every
//             mover of the node shares will do; production: XXH3).
struct MoveFinished {
  MoveId move;
  MoveOutcome outcome = MoveOutcome::kDone;
  uint64_t checksum = 0;
};

using StoreEvent = std::variant<MoveFinished>;

}  // namespace cairn
