// What a client asks of the service rather than of the model: its latency class or targets of its
// own, priority, deadline, and which conversation it goes on with. Over HTTP these are headers, so
// that a stock client can set them once.
//
//   x-cairn-class: interactive        a latency class; OpenAI's field service_tier says the same
//   x-cairn-slo-ttft-ms: 500          until the first token (also x-llm-d-slo-ttft-ms)
//   x-cairn-slo-tpot-ms: 40           mean between its tokens
//   x-cairn-priority: -1              lower first; the field priority says the same
//   x-cairn-deadline-ms: 30000        later the answer is of no use
//   x-session-id: 7f3a                also x-claude-code-session-id, session-id, x-session-affinity
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "kvstore/base/generation.h"
#include "scheduler/core/slo.h"

namespace cairn {

// Targets and deadlines of a client, in milliseconds.
inline constexpr int64_t kTermMsMax = 24 * 3600 * 1000;
inline constexpr size_t kSessionBytesMax = 256;

// The value of a header, by its name in lower case; empty: not there.
using HeaderLookup = std::function<std::string_view(std::string_view)>;

// Adds the headers to what the body said. `priority_given`: the body has one, which counts.
// InvalidArgument names the header.
absl::Status ReadServiceTerms(const HeaderLookup& header, bool priority_given,
                              GenerationRequest& options);

// InvalidArgument with the name of `field` if the request names a class that there is not.
absl::Status CheckClass(const LatencyClasses& classes, std::string_view field,
                        const GenerationRequest& options);

}  // namespace cairn
