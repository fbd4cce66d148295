// The moves of one node: in order of planning, a bounded number in flight. What is asked for now
// (a prefix to bring back) goes before what makes room.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "kvstore/tier/move.h"
#include "kvstore/tier/tier_budget.h"

namespace cairn {

class MovePlanner {
 public:
  explicit MovePlanner(const MoveBudget& budget);

  // Both slots are reserved already. The move's id is chosen here.
  MoveId Plan(Move move);
  // The next move to start, if one may start now.
  std::optional<Move> NextMove();
  // Takes a started move out of the books. REQUIRES: started and not finished (each is answered
  // once).
  Move Finish(MoveId id);

  uint32_t outstanding() const;  // planned or in flight
  uint32_t in_flight() const { return static_cast<uint32_t>(in_flight_.size()); }

 private:
  MoveBudget budget_;
  uint64_t last_id_ = 0;
  std::deque<Move> promotions_;
  std::deque<Move> demotions_;
  absl::flat_hash_map<MoveId, Move> in_flight_;
};

}  // namespace cairn
