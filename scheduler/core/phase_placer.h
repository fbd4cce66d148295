// Which phase of a request runs where, by latency slack (TaiChi). Pure functions of what the
// scheduler sees of its workers:
//
//   prefill (length-aware)  while no prefill-heavy worker is idle, a decode-heavy one takes a
//                           prompt that meets its TTFT target there in small chunks, if those who
//                           decode beside it can bear them; else the routing policy chooses among
//                           the prefill-heavy ones
//   decode (flowing)        goes to the decode-heavy worker with the most free KV; while none has
//                           room it runs where its prompt was computed, since there its KV lies in
//                           any case. Above the watermark the longest output flows to a
//                           prefill-heavy worker: its mean over many tokens feels a few slow ones
//                           least. All go back as soon as there is room, the latest first
//
// Helping must not cost more than it brings: a decode flows only where it can afford the pace of
// full chunks and into KV that prompts do not need, and one that is late pushes nobody out. Without
// these bounds decodes chase each other round a full cluster (docs/numbers/phases.md).
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
  bool length_aware = true;  // decode-heavy workers take prompts too
  bool flow = true;          // decodes move while they run
  bool follow = true;        // KV is fetched while the prompt is computed, not only after it
  Duration tpot_slo = Milliseconds(100);  // of requests that bring none

  // Of the TTFT target: a decode-heavy worker takes a prompt that is predicted to need no more.
  uint32_t slack_percent = 80;
  // Of tpot_slo: nor does one where somebody decodes take any, if its steps with them are longer.
  uint32_t beside_percent = 80;

  // Of a decode-heavy worker's KV.
  uint32_t watermark_percent = 95;  // above it decodes flow away, and nobody is sent there
  uint32_t back_percent = 90;       // up to it decodes flow back: some room to grow
  // Of a prefill-heavy worker's KV: above it no decode flows there. The rest is for prompts.
  uint32_t lent_percent = 50;
  // A decode that flows can say so many tokens at the pace of full chunks and have a mean of no
  // more than so much of its TPOT target.
  uint32_t afford_tokens = 8;
  uint32_t late_percent = 96;
};

// The decode-heavy worker of `fleet` that should take the prompt, if one should: of those where it
// is early enough and has room, the earliest.
std::optional<RouteChoice> PlacePrefill(const RouteRequest& request, const FleetView& fleet,
                                        const RoutingOptions& routing, const PhaseOptions& phases);

// Where a decode that holds KV of so many tokens should go on: the worker with the most free KV
// that is not `except` and that it does not fill above `percent` of its KV. kAnyRoom: it may wait.
constexpr uint32_t kAnyRoom = UINT32_MAX;
std::optional<NodeId> PlaceDecode(std::span<const WorkerView* const> workers, uint32_t block_tokens,
                                  uint64_t tokens, std::optional<NodeId> except, uint32_t percent);

// What a decode has said, and how fast.
struct DecodePace {
  uint32_t output = 1;
  Duration tpot;    // of its tokens so far; zero before the second
  Duration target;  // zero: nothing was promised
};
// Whether it can go on for some tokens on a worker that has prompts for its whole chunk in every
// step. A new decode can where such a step keeps its target; one that was quick spends what it has
// saved.
bool CanAfford(const DecodePace& pace, const WorkerView& worker, const PhaseOptions& phases);

// The prefill-heavy worker that a decode can flow to, if there is one: it can afford the pace and
// leaves room for the prompts that wait there and for others. The one with the most free KV.
std::optional<NodeId> PlaceFlow(std::span<const WorkerView* const> workers, uint32_t block_tokens,
                                uint64_t tokens, const DecodePace& pace,
                                const PhaseOptions& phases);

// A decode that could flow.
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

// KV of a worker, in tokens: what it has, and what is in use, by its word or by what was sent to
// it, whichever is more. A worker that has not said a word has room without end.
uint64_t KvCapacity(const WorkerView& worker, uint32_t block_tokens);
uint64_t KvUsed(const WorkerView& worker, uint32_t block_tokens);
uint64_t KvPart(uint64_t tokens, uint32_t percent);

}  // namespace cairn
