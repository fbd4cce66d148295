#include "kvstore/core/store_core.h"

#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

StoreCore::StoreCore(const StoreLimits& limits)
    : limits_(limits),
      device_(Tier::kDevice, limits.device.slots),
      dram_(Tier::kDram, limits.dram.slots),
      copies_(limits.block_tokens),
      moves_(limits.moves) {
  CAIRN_CHECK_GT(limits.device.slots, 0u);
}

// The chain's longest head of which every block can be read on the device, is on its way there, or
// can be brought there.
std::vector<StoreCore::PrefixBlock> StoreCore::HeldPrefix(const BlockChain& chain,
                                                          uint32_t blocks_max) const {
  std::vector<PrefixBlock> prefix;
  const uint32_t blocks = std::min(blocks_max, chain.full_blocks());
  for (uint32_t i = 0; i < blocks; ++i) {
    const std::optional<HeldId> found =
        copies_.Find(chain.key(i), chain.parent(i), chain.block_span(i));
    if (!found) break;
    const bool on_device = copies_.state(*found, Tier::kDevice) != CopyState::kNone;
    if (!on_device && copies_.state(*found, Tier::kDram) != CopyState::kReady) break;
    prefix.push_back({*found, on_device});
  }
  return prefix;
}

uint32_t StoreCore::Match(const BlockChain& chain, uint32_t blocks_max) const {
  return static_cast<uint32_t>(HeldPrefix(chain, blocks_max).size());
}

ClaimAnswer StoreCore::Claim(const BlockChain& chain, uint32_t prefix_max, uint32_t blocks,
                             uint32_t fetch_max) {
  const std::vector<PrefixBlock> prefix = HeldPrefix(chain, std::min(prefix_max, blocks));
  // Everything that was found is held fast before room is made, so that making room cannot take it.
  std::vector<BlockLease> on_device;
  for (const PrefixBlock& held : prefix) {
    if (held.on_device) {
      copies_.AddLease(held.block);
      on_device.emplace_back(&copies_, held.block, copies_.slot(held.block, Tier::kDevice));
    } else {
      copies_.StartReading(held.block, Tier::kDram);
    }
  }
  // Tail first, so that the head was used last: it goes last.
  for (size_t i = prefix.size(); i > 0; --i) copies_.Touch(prefix[i - 1].block);

  auto room = MakeRoom(blocks - static_cast<uint32_t>(on_device.size()));
  if (!std::holds_alternative<Reservation>(room)) {
    for (size_t i = prefix.size(); i > 0; --i) {
      if (prefix[i - 1].on_device) {
        on_device.pop_back();
      } else {
        copies_.StopReading(prefix[i - 1].block, Tier::kDram);
      }
    }
    if (std::holds_alternative<NotNow>(room)) return NotNow{};
    return NoRoom{};
  }

  ChainClaim claim{.prefix = {}, .fresh = std::get<Reservation>(std::move(room))};
  claim.prefix.reserve(prefix.size());
  auto next_on_device = on_device.begin();
  for (const PrefixBlock& held : prefix) {
    if (held.on_device) {
      claim.prefix.push_back(std::move(*next_on_device++));
      ++claim.device_blocks;
      continue;
    }
    SlotHold target = claim.fresh.Take();
    moves_.Plan({.key = copies_.key(held.block),
                 .block = held.block,
                 .from = Tier::kDram,
                 .source = copies_.slot(held.block, Tier::kDram),
                 .to = Tier::kDevice,
                 .target = target.slot()});
    copies_.Place(held.block, Tier::kDevice, std::move(target), CopyState::kArriving);
    copies_.AddLease(held.block);
    claim.prefix.emplace_back(&copies_, held.block, copies_.slot(held.block, Tier::kDevice));
    ++claim.dram_blocks;
  }
  const uint32_t fetch_end = std::min({fetch_max, blocks, chain.full_blocks()});
  for (auto next = static_cast<uint32_t>(prefix.size()); next < fetch_end; ++next) {
    if (copies_.KeyTaken(chain.key(next))) break;  // it is here, but not to be had now
    const HeldId block =
        copies_.Insert(chain.key(next), chain.parent(next), chain.block_span(next));
    copies_.Place(block, Tier::kDevice, claim.fresh.Take(), CopyState::kArriving);
    copies_.AddLease(block);
    claim.prefix.emplace_back(&copies_, block, copies_.slot(block, Tier::kDevice));
    ++claim.fetched_blocks;
  }
  return claim;
}

void StoreCore::FetchArrived(const BlockLease& lease, uint64_t checksum) {
  copies_.MarkReady(lease.block(), Tier::kDevice, checksum);
  ++counts_.fetched;
}

void StoreCore::FetchLost(const BlockLease& lease) {
  copies_.Lose(lease.block());
  ++counts_.fetches_lost;
}

ReserveAnswer StoreCore::Reserve(uint32_t count) { return MakeRoom(count); }

std::optional<BlockLease> StoreCore::LeaseReady(const BlockChain& chain, uint32_t block,
                                                const BlockLease* before) {
  CAIRN_CHECK_EQ(before == nullptr, block == 0);
  if (block >= chain.full_blocks()) return std::nullopt;
  if (before != nullptr && !copies_.indexed(before->block())) return std::nullopt;
  return LeaseIfReady(copies_.Find(chain.key(block), chain.parent(block), chain.block_span(block)));
}

std::optional<BlockLease> StoreCore::LeaseToLend(const BlockKey& key) {
  return LeaseIfReady(copies_.FindKey(key));
}

std::optional<BlockLease> StoreCore::LeaseIfReady(std::optional<HeldId> block) {
  if (!block || copies_.state(*block, Tier::kDevice) != CopyState::kReady) return std::nullopt;
  copies_.AddLease(*block);
  copies_.Touch(*block);
  return BlockLease(&copies_, *block, copies_.slot(*block, Tier::kDevice));
}

BlockLease StoreCore::Publish(SealedBlock sealed, const BlockChain& chain, uint32_t block,
                              const BlockLease* before) {
  const BlockKey key = sealed.key();
  CAIRN_CHECK(key == chain.key(block));
  CAIRN_CHECK_EQ(before == nullptr, block == 0);
  HeldId held;
  const bool private_head = before != nullptr && !copies_.indexed(before->block());
  const std::optional<HeldId> found =
      copies_.Find(key, chain.parent(block), chain.block_span(block));
  if (!private_head && found && copies_.state(*found, Tier::kDevice) == CopyState::kReady) {
    ++counts_.duplicates_dropped;  // and `sealed` gives its slot back
    held = *found;
  } else {
    if (private_head || (!found && copies_.KeyTaken(key)) ||
        (found && copies_.state(*found, Tier::kDevice) != CopyState::kNone)) {
      // Behind a block that nobody can find, or of equal key with another block, or on its way to
      // the device for somebody else: of use to this sequence alone.
      if (!private_head && !found) ++counts_.key_collisions;
      held = copies_.InsertPrivate(key);
    } else {
      held = found ? *found : copies_.Insert(key, chain.parent(block), chain.block_span(block));
    }
    copies_.Place(held, Tier::kDevice, std::move(sealed).TakeSlot(), CopyState::kReady);
  }
  copies_.AddLease(held);
  copies_.Touch(held);
  return BlockLease(&copies_, held, copies_.slot(held, Tier::kDevice));
}

LeaseState StoreCore::State(const BlockLease& lease) const {
  const CopyState state = copies_.state(lease.block(), Tier::kDevice);
  if (state == CopyState::kReady) return LeaseState::kReady;
  return state == CopyState::kArriving ? LeaseState::kArriving : LeaseState::kLost;
}

std::variant<Reservation, NotNow, NoRoom> StoreCore::MakeRoom(uint32_t slots) {
  if (std::optional<Reservation> at_once = device_.Reserve(slots)) return std::move(*at_once);
  // Evict nothing in vain: first see whether it could be enough.
  if (device_slots_available() >= slots) {
    while (device_.free() + copies_.leaving_device_copies() < slots && EvictOne()) {
    }
    if (std::optional<Reservation> now = device_.Reserve(slots)) return std::move(*now);
  }
  if (moves_.outstanding() > 0) return NotNow{};
  return NoRoom{};
}

// Tells one device copy to go, after a copy below is made if there is a place for it. False: none
// can be told now.
bool StoreCore::EvictOne() {
  const std::optional<HeldId> victim = copies_.EvictFirst(Tier::kDevice);
  if (!victim) return false;
  const bool held_below = copies_.state(*victim, Tier::kDram) != CopyState::kNone;
  if (limits_.dram.slots > 0 && !held_below && !Demote(*victim)) return false;
  copies_.MarkLeaving(*victim);
  return true;
}

// Starts a copy of the block to DRAM if that is worth its place there. False: ask again after a
// move.
bool StoreCore::Demote(HeldId block) {
  if (dram_.free() == 0) {
    const std::optional<HeldId> oldest = copies_.EvictFirst(Tier::kDram);
    // Blocks that are only arriving below can be evicted soon. To drop this one now might strand
    // its own tail that is among them.
    if (!oldest) return moves_.outstanding() == 0;
    if (copies_.last_use(*oldest) > copies_.last_use(block))
      return true;  // better blocks are there
    copies_.Drop(*oldest, Tier::kDram);
    ++counts_.evicted_dram;
  }
  std::optional<Reservation> place = dram_.Reserve(1);
  CAIRN_CHECK(place.has_value());
  SlotHold target = place->Take();
  moves_.Plan({.key = copies_.key(block),
               .block = block,
               .from = Tier::kDevice,
               .source = copies_.slot(block, Tier::kDevice),
               .to = Tier::kDram,
               .target = target.slot()});
  copies_.Place(block, Tier::kDram, std::move(target), CopyState::kArriving);
  copies_.StartReading(block, Tier::kDevice);
  return true;
}

void StoreCore::KeepHeadroom() {
  if (limits_.dram.slots == 0) return;
  const uint32_t headroom = std::min(limits_.device_headroom_slots, limits_.device.slots);
  while (device_.free() + copies_.leaving_device_copies() < headroom && EvictOne()) {
  }
}

void StoreCore::Handle(const StoreEvent& event) {
  const MoveFinished& finished = std::get<MoveFinished>(event);
  const Move move = moves_.Finish(finished.move);
  if (finished.outcome == MoveOutcome::kFailed) ++counts_.move_failures;
  move.to == Tier::kDevice ? FinishPromotion(move, finished) : FinishDemotion(move, finished);
}

void StoreCore::FinishDemotion(const Move& move, const MoveFinished& event) {
  if (event.outcome == MoveOutcome::kDone) {
    copies_.MarkReady(move.block, Tier::kDram, event.checksum);
    ++counts_.demoted;
  } else {
    copies_.Drop(move.block, Tier::kDram);
  }
  // Only now may the device copy go. It goes even if the move failed: it was chosen, and losing KV
  // costs time and never truth (I9).
  copies_.StopReading(move.block, Tier::kDevice);
}

void StoreCore::FinishPromotion(const Move& move, const MoveFinished& event) {
  const uint64_t expected = copies_.checksum(move.block, Tier::kDram);
  copies_.StopReading(move.block, Tier::kDram);
  const bool same = event.checksum == expected;
  if (event.outcome == MoveOutcome::kDone && same) {
    copies_.MarkReady(move.block, Tier::kDevice, event.checksum);
    ++counts_.promoted;
    return;
  }
  if (event.outcome == MoveOutcome::kDone) ++counts_.checksum_failures;
  copies_.Drop(move.block, Tier::kDram);
  if (copies_.leases(move.block) > 0) {
    copies_.Lose(move.block);
  } else {
    copies_.Drop(move.block, Tier::kDevice);
  }
}

std::vector<StoreAction> StoreCore::TakeActions() {
  std::vector<StoreAction> actions;
  while (std::optional<Move> move = moves_.NextMove()) actions.push_back(StartMove{*move});
  return actions;
}

uint32_t StoreCore::device_slots_available() const {
  return device_.free() + copies_.idle_device_copies() + copies_.leaving_device_copies();
}

void StoreCore::Audit() const {
  copies_.Audit();
  for (const BlockPool* pool : {&device_, &dram_}) {
    CAIRN_CHECK_LE(copies_.copies(pool->tier()), pool->held());
    CAIRN_CHECK_EQ(pool->free() + pool->promised() + pool->held(), pool->slots());
  }
  CAIRN_CHECK_EQ(copies_.copies(Tier::kDram), dram_.held());  // nobody fills blocks there
}

}  // namespace cairn
