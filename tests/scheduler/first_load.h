// What a worker says of itself after its first step: a scheduler learns its speed from it.
#pragma once

#include <cstdint>

#include "kvstore/base/report.h"

namespace cairn {

// After `tokens` in 100 ms.
inline WorkerLoad FirstLoad(uint32_t tokens) {
  WorkerLoad load;
  load.steps = 1;
  load.last_step = Milliseconds(100);
  load.last_step_tokens = tokens;
  return load;
}

}  // namespace cairn
