// What the workers of each role did in a run: how busy they were, who waited on them, and what went
// from one role to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kvstore/base/phase_role.h"
#include "scheduler/simulator/cluster_result.h"

namespace cairn {

struct RoleSummary {
  PhaseRole role = PhaseRole::kMixed;
  size_t workers = 0;
  double busy_share = 0;  // of their time, mean
  double imbalance = 0;   // the busiest one's busy time over the mean; 1 is even
  // Requests on one of them, on average over the run: before their first token, which is its queue
  // and the prompts that it computes, and after.
  double prefilling = 0;
  double decoding = 0;
  double kv_share = 0;  // of their KV slots in use while a step runs
  uint64_t prefill_tokens = 0;
  uint64_t decode_tokens = 0;
  uint64_t handoffs_in = 0;
  uint64_t handoffs_out = 0;
};

// "prefill-heavy"
std::string_view NameOf(PhaseRole role);

// Of the roles that there are, in their order, over the time `span` of the run.
std::vector<RoleSummary> SummarizeRoles(const ClusterResult& result, Duration span);

}  // namespace cairn
