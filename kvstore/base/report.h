// What a worker tells a scheduler. The wire form is proto/report.proto; in one process these structs
// go straight into the scheduler's inbox, in the order they happened.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "kvstore/base/generation.h"
#include "kvstore/base/time.h"

namespace cairn {

// The prompt's KV is complete. Sent once a request, before its first token.
struct PrefillDone {
  RequestId request;
  PromptUsage usage;
};

// One more token of one choice. `position` counts the choice's tokens from 0, so that a repeated or
// lost report is seen.
struct TokenProduced {
  RequestId request;
  uint32_t choice = 0;
  uint32_t position = 0;
  SampledToken token;
};

struct ChoiceEnded {
  RequestId request;
  uint32_t choice = 0;
  FinishReason reason = FinishReason::kStop;
  std::string message;  // why, if kFailed
};

// All choices have ended and everything the request held is given back. The last word on it.
struct RequestEnded {
  RequestId request;
  uint32_t preemptions = 0;
};

// How busy the worker is. Sent after every step and on request.
struct WorkerLoad {
  uint32_t requests_running = 0;   // with slots
  uint32_t requests_waiting = 0;   // without
  uint64_t prefill_tokens_left = 0;
  uint32_t device_slots = 0;
  uint32_t device_slots_free = 0;  // never used or evictable at once
  uint32_t dram_slots = 0;
  uint32_t dram_slots_used = 0;
  uint64_t steps = 0;
  Duration last_step;
  uint32_t last_step_tokens = 0;
  uint64_t preemptions = 0;
  // Totals since start, in tokens of prompts: what was looked up, and what was found where.
  uint64_t lookup_tokens = 0;
  uint64_t hit_device_tokens = 0;
  uint64_t hit_dram_tokens = 0;
  uint64_t blocks_evicted_device = 0;  // dropped from the device tier (after a copy below or without)
  uint64_t blocks_evicted_dram = 0;
  uint64_t blocks_demoted = 0;   // device to DRAM
  uint64_t blocks_promoted = 0;  // DRAM to device
  uint64_t checksum_failures = 0;
};

using Report = std::variant<PrefillDone, TokenProduced, ChoiceEnded, RequestEnded, WorkerLoad>;

}  // namespace cairn
