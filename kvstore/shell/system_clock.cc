#include "kvstore/shell/system_clock.h"

#include <chrono>

namespace cairn {

Instant SystemClock::Now() const {
  return Instant::FromNanoseconds(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                      std::chrono::steady_clock::now().time_since_epoch())
                                      .count());
}

}  // namespace cairn
