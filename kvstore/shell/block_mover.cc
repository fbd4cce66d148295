#include "kvstore/shell/block_mover.h"

#include <xxhash.h>

#include <cstring>
#include <span>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

uint64_t Checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace

BlockMover::BlockMover(Arena& device, Arena* dram) : arenas_{&device, dram} {
  if (dram != nullptr) CAIRN_CHECK_EQ(device.slot_bytes(), dram->slot_bytes());
}

MoveFinished BlockMover::Carry(const Move& move) {
  Arena* const from = arenas_[TierNumber(move.from)];
  Arena* const to = arenas_[TierNumber(move.to)];
  CAIRN_CHECK(from != nullptr && to != nullptr);
  const std::span<std::byte> source = from->At(move.source);
  const std::span<std::byte> target = to->At(move.target);
  MoveFinished finished{.move = move.id, .outcome = MoveOutcome::kDone};
  // Before the copy on the way out and after it on the way in: damage at any place between is seen.
  if (move.from == Tier::kDevice) finished.checksum = Checksum(source);
  std::memcpy(target.data(), source.data(), source.size());
  if (move.from != Tier::kDevice) finished.checksum = Checksum(target);
  return finished;
}

}  // namespace cairn
