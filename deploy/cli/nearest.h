// "Did you mean": the known name that is closest to what somebody typed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <vector>

#include "absl/strings/string_view.h"

namespace cairn {

// Edit distance with transpositions (optimal string alignment): insert, delete, replace, swap
// neighbours. Linear memory, so that a hostile key costs time only.
size_t EditDistance(absl::string_view a, absl::string_view b);

// The known name that a slip of the finger away from `typed`: at most a third of its length in
// edits (at least one), or the only one that `typed` abbreviates. Ties go to the first in `known`.
std::optional<std::string> Nearest(absl::string_view typed, const std::vector<std::string>& known);

// "; did you mean 'X'?" or, without a near one, nothing.
std::string DidYouMean(absl::string_view typed, const std::vector<std::string>& known);

}  // namespace cairn
