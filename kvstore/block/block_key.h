// What a block is: its identity, 128 bits, the same in every process and release (I6).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "kvstore/base/ids.h"
#include "kvstore/block/model_identity.h"

namespace cairn {

struct BlockKey {
  uint64_t high = 0;
  uint64_t low = 0;

  friend constexpr auto operator<=>(const BlockKey&, const BlockKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const BlockKey& key) {
    return H::combine(std::move(state), key.high, key.low);
  }
};

// Key of a prompt's first block: H(version, model, salt, tokens). Every later key inherits the salt
// through its parent, so blocks are shared only among requests with equal salts.
BlockKey MakeHeadKey(const ModelIdentity& model, std::string_view salt,
                     std::span<const TokenId> tokens);

// Key of a block behind `parent`: H(version, model, parent, tokens).
BlockKey MakeNextKey(const ModelIdentity& model, const BlockKey& parent,
                     std::span<const TokenId> tokens);

// 32 hexadecimal digits.
std::string ToString(const BlockKey& key);
std::ostream& operator<<(std::ostream& out, const BlockKey& key);

}  // namespace cairn
