// The port through which loops learn the time. Production: kvstore/shell/system_clock. Tests and
// the simulator bring their own.
#pragma once

#include "kvstore/base/time.h"

namespace cairn {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant Now() const = 0;  // never goes back
};

}  // namespace cairn
