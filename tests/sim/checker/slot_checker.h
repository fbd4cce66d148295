// Who touches which slot, seen from outside: no two writers (lease_safety), nobody writes what
// another reads, a move carries or another worker is sent, nobody reads what is still coming; a
// slot in use belongs to somebody (block_account).
#pragma once

#include <map>

#include "kvstore/core/store_core.h"
#include "kvstore/tier/move.h"
#include "worker/core/handoff.h"
#include "worker/core/step_plan.h"

namespace cairn::sim {

class SlotChecker {
 public:
  explicit SlotChecker(uint32_t block_tokens) : block_tokens_(block_tokens) {}

  void OnMoveStarted(const Move& move, const StoreCore& store);
  void OnMoveFinished(const Move& move) { moves_.erase(move.id); }
  void OnStepStarted(const StepPlan& plan, const StoreCore& store);
  void OnStepFinished() { step_ = StepPlan(); }
  void OnFetchStarted(const StartFetch& fetch);
  void OnFetchFinished(FetchId fetch) { fetches_.erase(fetch); }
  void OnSendStarted(const SendBlocks& send) { sends_.emplace(send.id, send); }
  void OnSendFinished(SendId send) { sends_.erase(send); }
  // While a step, move or transfer is out, what it uses must stay in use.
  void OnEvent(const StoreCore& store) const;
  // Nothing runs any more: all slots are free or hold a block that may be evicted.
  void OnQuiescence(const StoreCore& store) const;

 private:
  void DemandHeld(const StoreCore& store, Tier tier, SlotIndex slot, const char* by) const;

  uint32_t block_tokens_;
  std::map<MoveId, Move> moves_;
  std::map<FetchId, StartFetch> fetches_;
  std::map<SendId, SendBlocks> sends_;
  StepPlan step_;
};

}  // namespace cairn::sim
