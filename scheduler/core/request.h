// One live request as the scheduler sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kvstore/base/generation.h"
#include "kvstore/base/time.h"
#include "kvstore/block/block_key.h"
#include "scheduler/core/slo.h"
#include "scheduler/core/tenant_share.h"

namespace cairn {

enum class RequestState : uint8_t {
  kQueued,      // in the central queue
  kPrefilling,  // assigned; PrefillDone not heard yet
  kDecoding,    // assigned; PrefillDone heard
  kCancelling,  // assigned and told to stop; only its end is awaited
};

// One choice as the client has heard it.
struct ChoiceProgress {
  std::vector<TokenId> heard;  // as many as the next position to expect
  bool stopping = false;
  bool ended = false;
};

struct Request {
  GenerationRequest body;
  RequestState state = RequestState::kQueued;
  Instant arrival;
  uint64_t order = 0;           // of arrival; ties do not exist
  std::vector<BlockKey> chain;  // of the prompt's full blocks, computed once
  std::optional<NodeId> line;   // kQueued: the worker it waits for; none: not routed yet
  Duration yields;              // kQueued: taken to be due so much later than it is
  uint64_t work_tokens = 0;     // of the prompt, expected to be computed
  NodeId worker;                // meaningful unless kQueued
  Epoch epoch;
  // Phases (scheduler_phases.cc).
  std::optional<NodeLife> follower;  // is there, keeps room for it; may fetch its prompt ahead
  bool yielding = false;             // its worker was asked to give it up
  bool flowed = false;               // decodes on a prefill-heavy worker until there is room
  uint64_t kv_tokens = 0;            // counted with its worker
  uint32_t preemptions = 0;          // by workers that yielded it
  bool prefill_told = false;         // the client has heard PrefillDone
  std::vector<ChoiceProgress> choices;
  FinishReason end_reason = FinishReason::kCancelled;  // kCancelling: why
  TenantNumber tenant = 0;
  size_t latency_class = 0;
  bool charged = false;           // its tenant has paid for the prompt
  bool first_heard = false;       // its first token, of whichever choice
  std::vector<ChoicePace> paces;  // by choice
};

}  // namespace cairn
