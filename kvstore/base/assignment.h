// What a scheduler tells a worker. The wire form is proto/assignment.proto; in one process these
// structs go straight into the worker's inbox.
#pragma once

#include <variant>

#include "kvstore/base/generation.h"

namespace cairn {

// Run this request. Every Assign is answered by reports that end with one RequestEnded.
struct Assign {
  GenerationRequest request;
};

// Stop this request at the next step boundary. Unknown or ended requests are ignored: a cancel may
// cross the end on its way.
struct Cancel {
  RequestId request;
};

// End one choice with FinishReason::kStop: its text reached a stop string, which only the text side can
// see. Tokens that were already on their way are reported first and ignored above.
struct StopChoice {
  RequestId request;
  uint32_t choice = 0;
};

using Assignment = std::variant<Assign, Cancel, StopChoice>;

}  // namespace cairn
