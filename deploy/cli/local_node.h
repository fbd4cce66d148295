// One node in one process: a scheduler, a worker and its store, joined by the same assignments and
// reports that processes exchange.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "kernels/cpu_level.h"
#include "kvstore/base/clock.h"
#include "scheduler/shell/scheduler_host.h"
#include "worker/engine/cpu_engine.h"
#include "worker/engine/paced_engine.h"

namespace cairn {

struct LocalNodeConfig {
  CpuEngineOptions engine;
  // What a step takes, if steps are only waited for (worker/engine/paced_engine.h): the model's
  // tokenizer and sizes are used, its weights are not loaded. Empty: the engine computes.
  PacedEngine::StepTime paced;
  int threads = 0;  // 0: all cores this process may use
  bool pin_threads = true;
  uint64_t kv_budget_bytes = uint64_t{1} << 30;    // of the device tier
  uint64_t dram_budget_bytes = uint64_t{1} << 30;  // of the tier behind it; 0: none
  uint32_t sequences_max = 64;
  uint32_t choices_max = 32;
  uint32_t context_length = 0;  // 0: the model's
  SchedulerLimits scheduler;
};

class LocalNode {
 public:
  // Loads the model and starts the worker's thread. InvalidArgument or NotFound: what is wrong with
  // the model or the configuration. ResourceExhausted: no memory for the KV budget.
  static absl::StatusOr<std::unique_ptr<LocalNode>> Start(std::shared_ptr<const WeightFile> file,
                                                          const LocalNodeConfig& config,
                                                          const LoadProgress& progress);
  virtual ~LocalNode() = default;

  virtual GenerationPort& port() = 0;
  virtual const Clock& clock() const = 0;
  // Of a request, in tokens: the smallest of the model's, the flag's and the KV budget's.
  virtual uint32_t context_length() const = 0;
  virtual const Engine& engine() const = 0;
  virtual std::string EngineText() const = 0;  // for people: what computes, with what
  virtual uint32_t device_slots() const = 0;
  virtual uint32_t dram_slots() const = 0;
  // Refuses new requests, waits for those inside, at most this long. True: all have ended.
  virtual bool Drain(Duration at_most) = 0;
};

}  // namespace cairn
