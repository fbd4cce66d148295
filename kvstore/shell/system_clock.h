// The machine's steady clock.
#pragma once

#include "kvstore/base/clock.h"

namespace cairn {

class SystemClock : public Clock {
 public:
  Instant Now() const override;
};

}  // namespace cairn
