// What a scheduler tells a worker. The wire form is proto/assignment.proto; in one process these
// structs go straight into the worker's inbox.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "kvstore/base/generation.h"
#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"

namespace cairn {

// What one choice of a request has said elsewhere: it goes on behind that, as if it had run here
// from the start. Positions, penalties and draws count these tokens; they are not reported again.
struct ResumedChoice {
  std::vector<TokenId> tokens;
  bool ended = false;  // it says nothing more
};

// Another worker has the head of this prompt, as far as the scheduler's directory knows.
struct PrefixHolder {
  NodeLife life;
  uint32_t blocks = 0;  // of the prompt, from the first one on
  Duration wait;        // for what is asked of it; longer, and computing is better
};

// Run this request. Every Assign is answered by reports that end with one RequestEnded or Yielded.
struct Assign {
  GenerationRequest request;
  // One for each choice if the request ran elsewhere before; empty if it begins here.
  std::vector<ResumedChoice> resume = {};
  // Who yielded it and lends its blocks: they are fetched from there. Whatever does not come is
  // computed.
  std::optional<NodeLife> source = std::nullopt;
  // It runs here up to its next token only, then it is yielded.
  bool yields = false;
  // Who will go on with it: is told of the prompt's blocks as they are sealed (see Follow).
  std::optional<NodeLife> follower = std::nullopt;
  // Who is asked for what is not here of the prompt's head. Whatever does not come is computed.
  std::optional<PrefixHolder> holder = std::nullopt;
};

// Stop running this request at the next step boundary and lend its blocks to whoever goes on with
// it. Answered by Yielded, or by RequestEnded if it ended before.
struct Yield {
  RequestId request;
};

// This request runs at `source` and will come here: fetch the blocks of its prompt as they are
// sealed. A hint: no report answers it, and what it fetched may go again. Ends with the request's
// Assign or Cancel.
struct Follow {
  RequestId request;
  std::vector<TokenId> prompt;
  std::string cache_salt;
  NodeLife source;
};

// From the next step on, compute at most so many prompt tokens in one step.
struct SetPromptChunk {
  uint32_t tokens = 0;
};

// What a prompt begins with, up to so many of its blocks: the key of the last of them stands for
// all before it. Two halves, because this folder knows no blocks.
struct PrefixMark {
  uint32_t blocks = 0;
  uint64_t key_high = 0;
  uint64_t key_low = 0;
};

// What would this request find here, if it came? Answered by one AskAnswered at once, in the middle
// of a step too. It promises nothing: the request may go elsewhere.
struct Ask {
  RequestId request;
  std::vector<PrefixMark> marks;  // of its prompt, from the head on
};

// Stop this request at the next step boundary. Unknown or ended requests are ignored: a cancel may
// cross the end on its way.
struct Cancel {
  RequestId request;
};

// End one choice with FinishReason::kStop: its text reached a stop string, which only the text side
// can see. Tokens that were already on their way are reported first and ignored above.
struct StopChoice {
  RequestId request;
  uint32_t choice = 0;
};

using Assignment = std::variant<Assign, Cancel, StopChoice, Yield, Follow, SetPromptChunk, Ask>;

}  // namespace cairn
