// An engine that takes as long as a real one would and computes nothing: the control plane, the
// store and the wires around it are real, only the forward pass is a wait (the middle of the three
// fidelities: modelled). It sleeps while it waits, so that many of them share few processors.
#pragma once

#include <chrono>
#include <functional>

#include "kvstore/base/time.h"
#include "worker/engine/engine.h"

namespace cairn {

class PacedEngine final : public Engine {
 public:
  // Of a step that begins so long after the one before it has ended.
  using StepTime = std::function<Duration(const StepPlan&, Duration idle)>;

  PacedEngine(BlockGeometry geometry, uint32_t vocabulary_size, uint32_t context_length,
              StepTime step_time);

  const BlockGeometry& geometry() const override { return geometry_; }
  uint32_t vocabulary_size() const override { return vocabulary_size_; }
  uint32_t context_length() const override { return context_length_; }

  // A token depends on its choice's seed and its position alone, as a real engine's draw does. It
  // is not among the first of the vocabulary, where control tokens are in most.
  absl::StatusOr<StepResult> Run(const StepPlan& plan) override;

 private:
  TokenId TokenAt(uint64_t seed, uint32_t position) const;

  const BlockGeometry geometry_;
  const uint32_t vocabulary_size_;
  const uint32_t context_length_;
  const StepTime step_time_;
  std::chrono::steady_clock::time_point ended_;  // the last step
};

}  // namespace cairn
