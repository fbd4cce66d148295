// SHA-256 over named bytes: integers little-endian, strings preceded by their length, so that no
// two different messages have the same bytes. Results are the same on every machine and in every
// release.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "kvstore/base/ids.h"

namespace cairn {

class DigestMessage {
 public:
  explicit DigestMessage(std::string_view version_tag) { Text(version_tag); }

  template <typename Integer>
  requires std::is_unsigned_v<Integer> DigestMessage& Number(Integer value) {
    for (size_t i = 0; i < sizeof(value); ++i) {
      bytes_.push_back(static_cast<char>(value >> (8 * i)));
    }
    return *this;
  }
  DigestMessage& Text(std::string_view text) {
    Number(static_cast<uint64_t>(text.size()));
    bytes_.append(text);
    return *this;
  }
  DigestMessage& Bytes(std::span<const uint8_t> bytes) {
    return Text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  DigestMessage& Tokens(std::span<const TokenId> tokens);

  std::array<uint8_t, 32> Sha256() const;

 private:
  std::string bytes_;
};

}  // namespace cairn
