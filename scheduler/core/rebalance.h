// Which requests of an overloaded worker's line should wait elsewhere: like cuckoo hashing, each
// moves to another of its homes, in a single round. Nothing has been computed or copied for a
// request that still waits in the scheduler, so a move costs nothing (DualMap, arXiv 2602.06502).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "scheduler/core/fleet_view.h"

namespace cairn {

// One request of the line and where it could go.
struct Movable {
  struct Elsewhere {
    size_t worker = 0;         // in FleetView::workers
    uint64_t work_tokens = 0;  // to be computed there
  };
  RequestId request;
  uint64_t work_tokens = 0;  // to be computed here
  absl::InlinedVector<Elsewhere, 3> elsewhere;
};

struct Migration {
  RequestId request;
  size_t to = 0;
  uint64_t work_tokens = 0;  // there
};

struct RebalanceLimits {
  Duration overload = Seconds(5);  // a worker that needs longer for what waits for it is overloaded
  // What a move adds to the request's own work counts so much against it.
  uint32_t work_percent = 100;
  uint32_t moves_max = 32;  // in one round
};

// `line` is the source's whole line, or its head, in order. Each time the request moves that gains
// most, its own predicted TTFT here against there, until the source is not overloaded any more or
// nobody gains. Workers that are overloaded themselves take nobody in. Ties go to the earlier
// request, then to the lower worker.
std::vector<Migration> PlanRebalance(const FleetView& fleet, size_t source,
                                     std::span<const Movable> line, const RebalanceLimits& limits);

}  // namespace cairn
