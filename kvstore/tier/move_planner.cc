#include "kvstore/tier/move_planner.h"

#include "kvstore/base/check.h"

namespace cairn {

MovePlanner::MovePlanner(const MoveBudget& budget) : budget_(budget) {
  CAIRN_CHECK_GT(budget_.in_flight_max, 0u);
}

MoveId MovePlanner::Plan(Move move) {
  CAIRN_CHECK(move.from != move.to);
  move.id = MoveId(++last_id_);
  (move.to == Tier::kDevice ? promotions_ : demotions_).push_back(move);
  return move.id;
}

std::optional<Move> MovePlanner::NextMove() {
  if (in_flight() >= budget_.in_flight_max) return std::nullopt;
  std::deque<Move>& queue = promotions_.empty() ? demotions_ : promotions_;
  if (queue.empty()) return std::nullopt;
  const Move move = queue.front();
  queue.pop_front();
  CAIRN_CHECK(in_flight_.emplace(move.id, move).second);
  return move;
}

Move MovePlanner::Finish(MoveId id) {
  const auto found = in_flight_.find(id);
  CAIRN_CHECK(found != in_flight_.end());
  const Move move = found->second;
  in_flight_.erase(found);
  return move;
}

uint32_t MovePlanner::outstanding() const {
  return static_cast<uint32_t>(promotions_.size() + demotions_.size()) + in_flight();
}

}  // namespace cairn
