// Which phase of a request runs where, by latency slack (TaiChi). Pure functions of what the
// scheduler sees of its workers:
//
//   prefill (length-aware)  a decode-heavy worker takes a prompt that meets its TTFT target there,
//   small
//                           chunks and decodes beside it included; else the routing policy chooses
//                           among the prefill-heavy ones
//   decode (flowing)        starts on the decode-heavy worker with the most free KV; above the
//                           watermark the longest output flows to a prefill-heavy worker, since its
//                           mean over many tokens feels a few slow ones least; and back before that
//                           mean misses its target
//
// All workers mixed (chunked prefill), and a strict split (no prompt for decode-heavy workers), are
// settings of the same code.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "scheduler/core/fleet_view.h"
#include "scheduler/core/routing_policy.h"
#include "scheduler/core/worker_view.h"

namespace cairn {

struct PhaseOptions {
  bool length_aware = true;         // decode-heavy workers take prompts too
  bool flow = true;                 // decodes move while they run
  bool follow = true;               // KV is fetched while the prompt is computed, not only after it
  uint32_t watermark_percent = 95;  // of a decode-heavy worker's KV: above it decodes flow away
  uint32_t backflow_percent = 96;   // of tpot_slo: from there on a decode flows back
  uint32_t slack_percent =
      100;  // of the TTFT target: within it a decode-heavy worker takes a prompt
  Duration tpot_slo = Milliseconds(100);  // of requests that bring none
};

// The decode-heavy worker of `fleet` that should take the prompt, if one should: of those where it
// is early enough and has room, the earliest.
std::optional<RouteChoice> PlacePrefill(const RouteRequest& request, const FleetView& fleet,
                                        const RoutingOptions& routing, const PhaseOptions& phases);

// Where a decode that holds KV of so many tokens should go on: the worker with the most free KV
// that is not `except`. With `room_only` none rather than one that it would fill above the
// watermark.
std::optional<NodeId> PlaceDecode(std::span<const WorkerView* const> workers, uint32_t block_tokens,
                                  uint64_t tokens, std::optional<NodeId> except, bool room_only,
                                  const PhaseOptions& phases);

// A decode that could flow: it is not nearly late.
struct FlowCandidate {
  RequestId request;
  uint64_t order = 0;   // of arrival
  uint32_t output = 0;  // tokens so far
  uint64_t kv_tokens = 0;
};

// Who should leave a worker whose KV in use is `used` of `capacity` tokens, `leaving` of them with
// those who were asked before: the longest outputs first.
std::vector<RequestId> PlanFlow(std::vector<FlowCandidate> candidates, uint64_t used,
                                uint64_t leaving, uint64_t capacity, const PhaseOptions& phases);

// Whether a decode that flowed to a prefill-heavy worker must go back.
bool FlowsBack(Duration tpot, Duration target, const PhaseOptions& phases);

// KV of a worker, in tokens: what it has, and what is in use, by its word or by what was sent to
// it, whichever is more. A worker that has not said a word has room without end.
uint64_t KvCapacity(const WorkerView& worker, uint32_t block_tokens);
uint64_t KvUsed(const WorkerView& worker, uint32_t block_tokens);

}  // namespace cairn
