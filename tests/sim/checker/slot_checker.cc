#include "tests/sim/checker/slot_checker.h"

#include <algorithm>
#include <set>

#include "tests/sim/violation.h"

namespace cairn::sim {

void SlotChecker::DemandHeld(const StoreCore& store, Tier tier, SlotIndex slot,
                             const char* by) const {
  const BlockPool& pool = store.pool(tier);
  Demand(slot.value() < pool.slots(), "budget", tier, " ", slot, " does not exist");
  Demand(pool.IsHeld(slot), "lease_safety", tier, " ", slot, " is used by ", by,
         " and belongs to nobody");
}

void SlotChecker::OnMoveStarted(const Move& move, const StoreCore& store) {
  DemandHeld(store, move.from, move.source, "a move");
  DemandHeld(store, move.to, move.target, "a move");
  for (const auto& [id, other] : moves_) {
    const bool clash = (other.to == move.to && other.target == move.target) ||
                       (other.to == move.from && other.target == move.source) ||
                       (other.from == move.to && other.source == move.target);
    Demand(!clash, "lease_safety", move.id, " and ", id, " meet in one slot");
  }
  moves_.emplace(move.id, move);
}

void SlotChecker::OnFetchStarted(const StartFetch& fetch) {
  for (const auto& [id, other] : fetches_) {
    for (SlotIndex slot : fetch.targets) {
      Demand(std::ranges::count(other.targets, slot) == 0, "lease_safety", fetch.id, " and ", id,
             " bring to one slot, ", slot);
    }
  }
  fetches_.emplace(fetch.id, fetch);
}

void SlotChecker::OnStepStarted(const StepPlan& plan, const StoreCore& store) {
  step_ = plan;
  std::set<SlotIndex> written, read;
  for (const BlockCopy& copy : plan.copies) read.insert(copy.from);
  for (const StepSpan& span : plan.spans) {
    for (size_t i = 0; i < span.table.size(); ++i) {
      if (i < span.first_position / block_tokens_) {
        read.insert(span.table[i]);
      } else {
        Demand(written.insert(span.table[i]).second, "lease_safety", span.table[i],
               " has two writers");
      }
    }
  }
  // The source of a copy may be written in the same step: copies come first, and what is written
  // lies behind what the copy is for.
  for (const BlockCopy& copy : plan.copies) {
    Demand(written.contains(copy.to), "lease_safety", "a copy to ", copy.to,
           ", which nobody fills");
    Demand(copy.from != copy.to, "lease_safety", "a copy onto itself");
    read.erase(copy.from);
  }
  for (const StepSpan& span : plan.spans) {
    for (size_t i = 0; i < span.first_position / block_tokens_; ++i) read.insert(span.table[i]);
  }
  for (SlotIndex slot : written) {
    Demand(!read.contains(slot), "lease_safety", slot, " is written while another reads it");
  }
  for (const auto& [id, move] : moves_) {
    if (move.from == Tier::kDevice) {
      Demand(!written.contains(move.source), "lease_safety", id, " carries ", move.source,
             ", which a step writes");
    } else {
      Demand(!written.contains(move.target) && !read.contains(move.target), "publish_after_ready",
             id, " has not yet brought ", move.target, ", and a step uses it");
    }
  }
  for (const auto& [id, fetch] : fetches_) {
    for (SlotIndex slot : fetch.targets) {
      Demand(!written.contains(slot) && !read.contains(slot), "publish_after_ready", id,
             " has not yet brought ", slot, ", and a step uses it");
    }
  }
  for (const auto& [id, send] : sends_) {
    for (SlotIndex slot : send.slots) {
      Demand(!written.contains(slot), "lease_safety", id, " sends ", slot, ", which a step writes");
    }
  }
  OnEvent(store);
}

void SlotChecker::OnEvent(const StoreCore& store) const {
  for (const StepSpan& span : step_.spans) {
    for (SlotIndex slot : span.table) DemandHeld(store, Tier::kDevice, slot, "a step");
  }
  for (const BlockCopy& copy : step_.copies) {
    DemandHeld(store, Tier::kDevice, copy.from, "a copy");
  }
  for (const auto& [id, move] : moves_) {
    DemandHeld(store, move.from, move.source, "a move");
    DemandHeld(store, move.to, move.target, "a move");
  }
  for (const auto& [id, fetch] : fetches_) {
    for (SlotIndex slot : fetch.targets) DemandHeld(store, Tier::kDevice, slot, "a fetch");
  }
  for (const auto& [id, send] : sends_) {
    for (SlotIndex slot : send.slots) DemandHeld(store, Tier::kDevice, slot, "a send");
  }
}

void SlotChecker::OnQuiescence(const StoreCore& store) const {
  const CopyTable& copies = store.copies();
  Demand(copies.idle_device_copies() == copies.copies(Tier::kDevice), "block_account",
         copies.copies(Tier::kDevice), " device copies, of which only ",
         copies.idle_device_copies(), " can be evicted, and nobody runs");
  for (Tier tier : kTiers) {
    const BlockPool& pool = store.pool(tier);
    Demand(pool.promised() == 0, "block_account", pool.promised(), " promised ", tier,
           " slots leak");
    Demand(pool.held() == copies.copies(tier), "block_account", pool.held(), " ", tier,
           " slots in use for ", copies.copies(tier), " copies");
  }
}

}  // namespace cairn::sim
