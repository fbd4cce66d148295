// Runs the cells of a study (policy, rate, seed, ...) beside each other: each core takes the next
// one. What a cell does depends on the cell alone, so that results do not depend on the cores.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"

namespace cairn {

// Calls `one(i)` for every i below `cells`, on all cores. The answer is the first error by i.
absl::Status ForEachCell(uint32_t cells, const std::function<absl::Status(uint32_t)>& one);

}  // namespace cairn
