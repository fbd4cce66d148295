// Carries out moves between the tiers of one node whose bytes this process can address.
#pragma once

#include <array>

#include "kvstore/block/tier.h"
#include "kvstore/core/store_event.h"
#include "kvstore/media/arena.h"
#include "kvstore/tier/move.h"

namespace cairn {

class BlockMover {
 public:
  // The arenas outlive the mover and have slots of one size. `dram` may be null: no such tier.
  BlockMover(Arena& device, Arena* dram);

  // Copies the bytes and answers with the checksum that MoveFinished asks for: XXH3 of the device
  // side, taken from the bytes as they are in the arena.
  MoveFinished Carry(const Move& move);

 private:
  std::array<Arena*, kTierCount> arenas_;
};

}  // namespace cairn
