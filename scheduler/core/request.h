// One live request as the scheduler sees it.
#pragma once

#include <cstdint>
#include <vector>

#include "kvstore/base/generation.h"
#include "kvstore/base/time.h"

namespace cairn {

enum class RequestState : uint8_t {
  kQueued,      // in the central queue
  kPrefilling,  // assigned; PrefillDone not heard yet
  kDecoding,    // assigned; PrefillDone heard
  kCancelling,  // assigned and told to stop; only its end is awaited
};

// One choice as the client has heard it.
struct ChoiceProgress {
  uint32_t tokens = 0;  // heard so far: the next position to expect
  bool stopping = false;
  bool ended = false;
};

struct Request {
  GenerationRequest body;
  RequestState state = RequestState::kQueued;
  Instant arrival;
  uint64_t order = 0;  // of arrival; ties do not exist
  NodeId worker;       // meaningful unless kQueued
  Epoch epoch;
  bool prefill_told = false;  // the client has heard PrefillDone
  std::vector<ChoiceProgress> choices;
};

}  // namespace cairn
