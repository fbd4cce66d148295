// What a simulated run came to, request by request and worker by worker.
#pragma once

#include <cstdint>
#include <vector>

#include "kvstore/base/phase_role.h"
#include "kvstore/base/time.h"
#include "worker/core/handoff.h"

namespace cairn {

enum class RequestOutcome : uint8_t {
  kNotArrived,  // its session never came so far
  kUnfinished,  // the run ended first
  kFinished,
  kCancelled,
  kFailed,   // it could not run: too long for a worker
  kShed,     // refused at the door
  kExpired,  // its deadline passed
};

// One request of the trace, as its client saw it. Instants that never came are zero.
struct RequestRecord {
  RequestOutcome outcome = RequestOutcome::kNotArrived;
  uint32_t scheduler = 0;
  uint32_t worker = 0;         // the last that it was given to
  uint32_t prompt_worker = 0;  // the last that was to compute its prompt
  Instant arrival;
  Instant dispatched;  // first given to a worker
  Instant prefilled;   // the client heard that its prompt is done
  Instant handed;      // to `worker`, the last time that another one's KV went with it
  Instant first_token;
  Instant last_token;
  Instant ended;
  Duration gap_max;  // between two of its tokens
  uint32_t prompt_tokens = 0;
  uint32_t cached_device_tokens = 0;
  uint32_t cached_dram_tokens = 0;
  uint32_t fetched_tokens = 0;
  uint32_t tokens = 0;      // generated and heard
  uint32_t dispatches = 0;  // more than 1: workers were lost
  uint32_t preemptions = 0;
  uint32_t handoffs = 0;  // to another worker that fetched its KV
  uint32_t sheds = 0;     // how often it was refused

  uint32_t cached_tokens() const {
    return cached_device_tokens + cached_dram_tokens + fetched_tokens;
  }
  bool has_first_token() const { return tokens > 0; }
  Duration ttft() const { return first_token - arrival; }  // REQUIRES: has_first_token()
  // Mean time between tokens; zero with fewer than two.
  Duration tpot() const {
    return tokens < 2 ? Duration() : (last_token - first_token) / (int64_t{tokens} - 1);
  }
  friend bool operator==(const RequestRecord&, const RequestRecord&) = default;
};

// One worker over all its lives.
struct WorkerRecord {
  PhaseRole role = PhaseRole::kMixed;  // the last that it had
  Duration busy;                       // in steps
  std::vector<Duration> busy_by_slice;
  uint64_t steps = 0;
  uint64_t prefill_tokens = 0;  // computed, in steps of more than one token of a sequence
  uint64_t decode_tokens = 0;   // computed one at a time
  uint64_t lookup_tokens = 0;   // of prompts
  uint64_t hit_device_tokens = 0;
  uint64_t hit_dram_tokens = 0;
  uint64_t preemptions = 0;
  uint64_t moves = 0;
  uint64_t blocks_fetched = 0;     // from other workers, with handoffs or from their caches
  PrefixFetchCounts prefixes;      // of the latter
  uint64_t batches_published = 0;  // each goes to every scheduler
  uint64_t changes_published = 0;  // in them
  uint64_t resyncs = 0;            // schedulers that had to ask
  uint64_t handoffs_in = 0;        // requests that came with another worker's KV
  uint64_t handoffs_out = 0;       // that went on elsewhere with this one's
  uint32_t lives = 0;
  uint32_t device_slots = 0;
  uint32_t device_slots_used_max = 0;  // neither free nor evictable
  uint64_t slot_nanoseconds = 0;       // the sum over steps of slots used times the step's length
  friend bool operator==(const WorkerRecord&, const WorkerRecord&) = default;
};

struct ClusterResult {
  std::vector<RequestRecord> requests;  // as in the trace
  std::vector<WorkerRecord> workers;
  Instant end;          // of the last happening
  uint64_t events = 0;  // of the simulation
  friend bool operator==(const ClusterResult&, const ClusterResult&) = default;
};

}  // namespace cairn
