// One request from Assign to RequestEnded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kvstore/base/generation.h"
#include "worker/core/sequence.h"

namespace cairn {

// One of the n continuations.
struct Choice {
  // Choice 0's sequence computes the prompt for all of them; the others begin when it is done.
  std::unique_ptr<Sequence> sequence;
  uint32_t tokens = 0;  // generated, a final stop token included
  bool ended = false;
  bool stop_asked = false;  // by a StopChoice during a step that it is in
};

struct LiveRequest {
  GenerationRequest request;  // with max_tokens as the limits allow it
  uint64_t arrival = 0;
  Instant due;  // by its target, from when it came here
  std::vector<Choice> choices;
  uint32_t open_choices = 0;
  uint32_t running_sequences = 0;  // hold blocks
  PromptUsage usage;
  bool forked =
      false;  // every choice goes its own way: the prompt is done, or they began elsewhere
  bool prefill_told = false;
  bool cancelled = false;
  bool yields = false;       // when the next token is there
  bool yield_asked = false;  // during a step that it is in
  std::optional<NodeLife> follower;
  uint32_t follower_told = 0;  // blocks
  uint32_t preemptions = 0;
};

}  // namespace cairn
