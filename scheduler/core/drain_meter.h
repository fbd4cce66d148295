// How fast something really goes while there is some of it: prompt tokens through a worker,
// requests to their ends. Everything that slows it down is in it (decodes, full batches,
// preemptions), which no cost of a step knows. Idle time does not count.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kvstore/base/time.h"

namespace cairn {

// So much in so long. Zero time: not known.
struct Pace {
  int64_t amount = 0;
  int64_t ns = 0;

  bool known() const { return amount > 0 && ns > 0; }
  // REQUIRES: known().
  Duration TimeFor(uint64_t of) const {
    return Nanoseconds(static_cast<int64_t>(static_cast<__int128>(of) * ns / amount));
  }
};

class DrainMeter {
 public:
  // There is some from now on. Ignored if there was.
  void Begin(Instant now) {
    if (busy_) return;
    busy_ = true;
    since_ = now;
  }
  // So much went; `more`: there is still some.
  void Finish(uint64_t amount, bool more, Instant now) {
    if (!busy_) return;
    sum_.amount += static_cast<int64_t>(amount);
    sum_.ns += std::max<int64_t>(0, (now - since_).nanoseconds());
    since_ = now;
    busy_ = more;
    // Older than about this long counts for little.
    if (sum_.ns < kWindow.nanoseconds()) return;
    sum_.amount /= 2;
    sum_.ns /= 2;
  }

  // Known once it has gone for half a second.
  Pace pace() const { return sum_.ns >= kFirst.nanoseconds() ? sum_ : Pace(); }

 private:
  static constexpr Duration kWindow = Seconds(20);
  static constexpr Duration kFirst = Milliseconds(500);

  Pace sum_;
  Instant since_;
  bool busy_ = false;
};

}  // namespace cairn
