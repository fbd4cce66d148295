// An integer with a meaning: ids, slots and counts that must not be mixed up. Ordered, hashable,
// printable, no arithmetic unless the value is taken out.
#pragma once

#include <compare>
#include <cstdint>
#include <ostream>
#include <utility>

namespace cairn {

template <typename Tag, typename Rep>
class StrongInt {
 public:
  using rep = Rep;
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(StrongInt, StrongInt) = default;
  friend std::ostream& operator<<(std::ostream& out, StrongInt id) {
    return out << Tag::kPrefix << +id.value_;
  }
  template <typename H>
  friend H AbslHashValue(H state, StrongInt id) {
    return H::combine(std::move(state), id.value_);
  }

 private:
  Rep value_ = 0;
};

}  // namespace cairn
