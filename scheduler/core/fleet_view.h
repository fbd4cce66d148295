// All that a routing decision may look at. Every policy gets the same: the workers with the same
// local correction, the same index, the same time.
#pragma once

#include <cstdint>
#include <span>

#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "kvstore/block/block_key.h"
#include "kvstore/directory/prefix_index.h"
#include "scheduler/core/worker_view.h"

namespace cairn {

// What a worker has said of a request when it was asked.
struct PromptFound {
  NodeId worker;
  uint32_t blocks = 0;  // of its prompt that it would find there
};

// A request as routing sees it: no tokens, only their keys and how many they are.
struct RouteRequest {
  RequestId id;
  uint32_t prompt_tokens = 0;
  std::span<const BlockKey> chain;  // of the prompt's full blocks, from the head; may be empty
  Duration ttft_slo;                // its own target; zero: what the policy's options say
  std::span<const PromptFound> found = {};  // of those who were asked and have answered
};

struct FleetView {
  std::span<const WorkerView* const> workers;  // in the order of their ids
  const PrefixIndex& index;
  uint32_t block_tokens = 16;
  uint64_t membership = 0;  // another number whenever workers came, went or changed their life
  Instant now;
};

}  // namespace cairn
