// absl::StrCat for std::string_view. Debian's Abseil has a string_view of its own that does not
// convert.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cairn {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

namespace text_cat_internal {
template <typename T>
decltype(auto) Piece(const T& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return ToAbsl(value);
  } else {
    return (value);
  }
}
}  // namespace text_cat_internal

template <typename... T>
std::string TextCat(const T&... pieces) {
  return absl::StrCat(text_cat_internal::Piece(pieces)...);
}

template <typename... T>
void TextAppend(std::string* out, const T&... pieces) {
  absl::StrAppend(out, text_cat_internal::Piece(pieces)...);
}

}  // namespace cairn
