#include "kvstore/directory/cell_table.h"

#include "kvstore/base/check.h"

namespace cairn {

// Zeroed memory is a table of empty cells; pages are not touched before a block needs them.
CellTable::CellTable(uint64_t cells)
    : count_(cells), cells_(static_cast<BlockCell*>(std::calloc(cells, sizeof(BlockCell)))) {
  CAIRN_CHECK_GE(cells, 2u);
  CAIRN_CHECK(cells_ != nullptr);
}

std::optional<uint64_t> CellTable::Find(BlockTag tag) const {
  uint64_t place = Home(tag);
  while (cells_[place].kind != CellKind::kEmpty) {
    if (cells_[place].tag == tag) return place;
    place = Next(place);
  }
  return std::nullopt;
}

uint64_t CellTable::Insert(BlockTag tag) {
  CAIRN_CHECK_LT(size_ + 1, count_);  // one stays empty, so that every search ends
  uint64_t place = Home(tag);
  while (cells_[place].kind != CellKind::kEmpty) place = Next(place);
  ++size_;
  cells_[place] = BlockCell{};
  cells_[place].tag = tag;
  return place;
}

void CellTable::Erase(uint64_t place) {
  const auto distance = [this](uint64_t from, uint64_t to) {
    return to >= from ? to - from : to + count_ - from;
  };
  uint64_t hole = place;
  for (uint64_t next = Next(hole); cells_[next].kind != CellKind::kEmpty; next = Next(next)) {
    // It may move back into the hole unless its home lies behind the hole.
    if (distance(Home(cells_[next].tag), next) < distance(hole, next)) continue;
    cells_[hole] = cells_[next];
    hole = next;
  }
  cells_[hole] = BlockCell{};
  --size_;
}

}  // namespace cairn
