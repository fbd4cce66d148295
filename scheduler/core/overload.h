// Who is let in and who is shed, and when those should come back. Every limit is a gauge: how high
// it stands, what one more would add, and how fast it falls. A gauge's last eighth is kept for
// those who were told to come now (appointment_book.h), as long as there are any.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kvstore/base/time.h"
#include "scheduler/core/drain_meter.h"
#include "scheduler/core/scheduler_action.h"

namespace cairn {

struct Gauge {
  ShedReason reason = ShedReason::kLiveRequests;
  uint64_t level = 0;
  uint64_t need = 0;      // of who is at the door
  uint64_t promised = 0;  // to those who will come back
  uint64_t max = 0;
  Pace falls;  // unknown: nobody can say when
};

// A time that must not be longer than `max`: a wait, which falls as fast as time goes, and what
// comes behind it.
Gauge TimeGauge(ShedReason reason, Duration wait, Duration then, Duration promised, Duration max);

std::string_view NameOf(ShedReason reason);  // "live-requests", ...: a label in metrics

struct DoorVerdict {
  bool shed = false;
  ShedReason reason = ShedReason::kLiveRequests;
  Duration retry_after;   // whole seconds, at least one: a client cannot be told anything finer
  bool hopeless = false;  // it does not fit even alone: to come back would not help
};

// `expected`: it was told to come now. `shows_q10`: of those who are told to come back so many of
// 1,024 do. The first gauge that is too high is the reason, or the first that is too small for it
// alone; the time is when all are low enough.
DoorVerdict JudgeAtDoor(std::span<const Gauge> gauges, bool expected, uint32_t shows_q10);

}  // namespace cairn
