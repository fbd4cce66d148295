// Where a request was while it was on a worker: first where its prompt was computed, then, if it
// was handed over, where it went on. One that began again elsewhere counts for the last one alone,
// and one that was handed on several times for the last worker from then on.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "scheduler/simulator/cluster_result.h"

namespace cairn {

struct RequestStay {
  uint32_t worker = 0;
  Instant from, until;  // equal: it never was there
};

// `end` is that of the run.
inline std::array<RequestStay, 2> StaysOf(const RequestRecord& request, Instant end) {
  if (request.dispatches == 0) return {};
  const Instant ended = request.ended == Instant() ? end : request.ended;
  const bool handed = request.handed != Instant();
  const Instant moved = handed ? std::min(request.handed, ended) : ended;
  return {RequestStay{request.prompt_worker, request.dispatched, moved},
          RequestStay{request.worker, moved, ended}};
}

}  // namespace cairn
