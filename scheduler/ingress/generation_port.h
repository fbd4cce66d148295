// What the front doors (HTTP, gRPC) need from the scheduler. Production:
// scheduler/shell/scheduler_loop implements it; tests of the front doors bring a scripted one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "kvstore/base/generation.h"
#include "kvstore/base/report.h"
#include "kvstore/base/time.h"
#include "kvstore/directory/directory.h"
#include "scheduler/core/slo.h"

namespace cairn {

// Hears what happens to one request, in order. Called on the scheduler's thread: must only hand
// over (post to its own executor), never block or call back into the port.
class GenerationObserver {
 public:
  virtual ~GenerationObserver() = default;
  virtual void OnPrefillDone(const PromptUsage& usage) = 0;
  virtual void OnToken(uint32_t choice, const SampledToken& token) = 0;
  virtual void OnChoiceEnded(uint32_t choice, FinishReason reason, const std::string& message) = 0;
  virtual void OnRequestEnded() = 0;  // exactly once; nothing follows
};

// The answer to Submit.
struct Admission {
  absl::Status status;  // ResourceExhausted: shed; Unavailable: draining or no worker
  std::optional<Duration> retry_after;  // computed from the queue, when shed
};

// Why the scheduler is or is not ready to take requests; empty reasons mean ready.
struct Readiness {
  std::vector<std::string> reasons;
  bool ready() const { return reasons.empty(); }
};

// How one latency class is served, and what one tenant has.
struct ClassUse {
  std::string name;
  ClassAttainment served;
};
struct TenantUse {
  std::string name;
  uint32_t live = 0;
  uint32_t queued = 0;
  uint64_t accepted = 0;
  uint64_t shed = 0;
  uint64_t prompt_tokens = 0;  // computed for it
  uint64_t output_tokens = 0;
};

// Lines of a recorded trace.
struct TraceCounts {
  uint64_t written = 0;
  uint64_t dropped = 0;  // they came faster than they could be written
};

// Counters and gauges of the scheduler and its workers at one moment, for /metrics.
// What the scheduler knows of who holds which blocks.
struct DirectoryUse {
  uint64_t blocks = 0;  // known of anybody, each once
  uint64_t bytes = 0;   // it takes no more, however many there are
  uint64_t resyncs = 0;
  std::vector<DirectoryCoverage> workers;
};

struct SchedulerSnapshot {
  uint64_t requests_accepted = 0;
  uint64_t requests_ended = 0;
  uint64_t requests_cancelled = 0;
  uint64_t requests_expired = 0;
  uint32_t requests_live = 0;
  uint32_t requests_queued = 0;
  std::vector<std::pair<std::string_view, uint64_t>> shed;  // by reason
  std::vector<WorkerLoad> workers;
  DirectoryUse directory;
  std::vector<ClassUse> classes;
  std::vector<TenantUse> tenants;
  std::optional<TraceCounts> trace;  // where one is recorded
};

class GenerationPort {
 public:
  virtual ~GenerationPort() = default;
  // A fresh id, never used before in this process's life.
  virtual RequestId NextRequestId() = 0;
  // Thread-safe, does not block. If the status is OK the observer hears everything up to
  // OnRequestEnded; otherwise it hears nothing.
  virtual Admission Submit(GenerationRequest request,
                           std::shared_ptr<GenerationObserver> observer) = 0;
  // Thread-safe. The observer still hears the ends. Unknown ids are ignored.
  virtual void CancelRequest(RequestId request) = 0;
  // Thread-safe. Ends one choice early with kStop (a stop string was found in its text).
  virtual void StopChoice(RequestId request, uint32_t choice) = 0;
  virtual Readiness CheckReadiness() = 0;    // thread-safe
  virtual SchedulerSnapshot Snapshot() = 0;  // thread-safe
};

}  // namespace cairn
