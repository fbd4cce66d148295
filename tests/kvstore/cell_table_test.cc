#include "kvstore/directory/cell_table.h"

#include <catch2/catch.hpp>
#include <map>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

TEST_CASE("a table of cells finds what is in it and nothing else, however full and often changed") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Prng prng(seed);
    CellTable table(64);
    std::map<BlockTag, uint16_t> truth;
    for (int i = 0; i < 5000; ++i) {
      // Few homes, so that runs are long and wrap around the end.
      const BlockTag tag = prng.Below(4) << 62 | prng.Below(40);
      const auto place = table.Find(tag);
      REQUIRE(place.has_value() == truth.contains(tag));
      if (place) {
        REQUIRE(table.at(*place).depth == truth.at(tag));
        if (prng.Chance(0.6)) {
          table.Erase(*place);
          truth.erase(tag);
        }
      } else if (table.size() < 60) {
        BlockCell& cell = table.at(table.Insert(tag));
        cell.kind = CellKind::kOne;
        cell.depth = static_cast<uint16_t>(prng.Below(1000));
        truth[tag] = cell.depth;
      }
      REQUIRE(table.size() == truth.size());
    }
    for (const auto& [tag, depth] : truth) REQUIRE(table.at(*table.Find(tag)).depth == depth);
  }
}

TEST_CASE("a cell names any list") {
  BlockCell cell{};
  for (const uint32_t list : {0u, 1u, 65535u, 65536u, 0xfffffffeu}) {
    cell.set_list(list);
    CHECK(cell.list() == list);
  }
}

}  // namespace
}  // namespace cairn
