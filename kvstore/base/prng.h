// Random numbers that are the same everywhere: for sampling, tests and the simulator. Not for
// secrets.
#pragma once

#include <cstdint>

namespace cairn {

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): also a good mixer of a counter into 64 random bits.
constexpr uint64_t SplitMix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// A uniform number in [0, 1) that depends on (seed, position) alone: the draw of one token.
constexpr double UniformAt(uint64_t seed, uint64_t position) {
  return static_cast<double>(SplitMix64(SplitMix64(seed) ^ (position * 0xd1342543de82ef95ull)) >>
                             11) *
         0x1.0p-53;
}

// A stream of numbers from a seed.
class Prng {
 public:
  constexpr explicit Prng(uint64_t seed) : state_(seed) {}
  constexpr uint64_t Next() {
    const uint64_t out = SplitMix64(state_);
    state_ += 0x9e3779b97f4a7c15ull;
    return out;
  }
  // Uniform in [0, bound). REQUIRES: bound > 0. The bias is below bound / 2^64.
  constexpr uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // Uniform in [low, high].
  constexpr int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Below(static_cast<uint64_t>(high - low) + 1));
  }
  constexpr double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  constexpr bool Chance(double probability) { return Uniform() < probability; }

 private:
  uint64_t state_;
};

}  // namespace cairn
