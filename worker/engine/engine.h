// Runs steps of one model over a paged KV cache. One thread at a time.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "kvstore/block/block_geometry.h"
#include "worker/core/step_plan.h"

namespace cairn {

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const BlockGeometry& geometry() const = 0;
  virtual uint32_t vocabulary_size() const = 0;
  virtual uint32_t context_length() const = 0;  // positions the model was made for
  // Runs the whole plan or fails as a whole: after an error no span's KV may be trusted.
  virtual absl::StatusOr<StepResult> Run(const StepPlan& plan) = 0;
};

}  // namespace cairn
