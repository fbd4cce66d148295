// A fast hash of a few bytes, for tables in memory. Not for identity: it may change.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace cairn {

// Good in its low 32 bits.
inline uint64_t HashBytes(std::string_view bytes) {
  const auto mix = [](uint64_t hash, const char* at, size_t n) {
    uint64_t value = 0;
    std::memcpy(&value, at, n);
    hash = (hash ^ value) * 0xff51afd7ed558ccdull;
    return hash ^ hash >> 32;
  };
  uint64_t hash = bytes.size() * 0x9e3779b97f4a7c15ull;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) hash = mix(hash, at, 8);
  return left > 0 ? mix(hash, at, left) : hash;
}

}  // namespace cairn
