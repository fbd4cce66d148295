// What a scheduler tells a worker. The wire form is proto/assignment.proto; in one process these
// structs go straight into the worker's inbox.
#pragma once

#include <variant>
#include <vector>

#include "kvstore/base/generation.h"

namespace cairn {

// What one choice of a request has said elsewhere: it goes on behind that, as if it had run here
// from the start. Positions, penalties and draws count these tokens; they are not reported again.
struct ResumedChoice {
  std::vector<TokenId> tokens;
  bool ended = false;  // it says nothing more
};

// Run this request. Every Assign is answered by reports that end with one RequestEnded.
struct Assign {
  GenerationRequest request;
  // One for each choice if the request ran elsewhere before; empty if it begins here.
  std::vector<ResumedChoice> resume = {};
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
