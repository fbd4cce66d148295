#include "kvstore/base/prng.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

TEST_CASE("a draw depends on seed and position alone, and never changes between releases") {
  CHECK(SplitMix64(0) == 0xe220a8397b1dcdafull);
  CHECK(UniformAt(7, 3) == UniformAt(7, 3));
  CHECK(UniformAt(7, 3) != UniformAt(7, 4));
  CHECK(UniformAt(7, 3) != UniformAt(8, 3));
}

TEST_CASE("numbers below a bound stay below it and reach its ends") {
  Prng prng(42);
  bool low = false, high = false;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t x = prng.Below(7);
    REQUIRE(x < 7);
    low |= x == 0;
    high |= x == 6;
  }
  CHECK((low && high));
}

}  // namespace
}  // namespace cairn
