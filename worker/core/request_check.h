// What a request must fulfil before it is let in.
#pragma once

#include <optional>
#include <string>

#include "kvstore/base/assignment.h"
#include "kvstore/base/generation.h"
#include "kvstore/core/store_core.h"
#include "worker/core/worker_core.h"

namespace cairn {

// Positions that one sequence can have here: what the model was made for, or what the device can
// hold if that is less. (The last token of a full context needs no KV, hence the one more.)
uint32_t ContextLimit(const WorkerLimits& limits, const StoreLimits& store);

// Why the request can never run, in words for the client. None: it can, with max_tokens and
// min_tokens brought down to what fits.
std::optional<std::string> Refusal(const GenerationRequest& request, const WorkerLimits& limits,
                                   const StoreLimits& store);
// Why the request cannot go on from what it said elsewhere. REQUIRES: no Refusal.
std::optional<std::string> ResumeRefusal(const Assign& assign, const WorkerLimits& limits);
GenerationRequest Fitted(GenerationRequest request, uint32_t context_limit);

}  // namespace cairn
