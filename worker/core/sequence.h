// One choice of one request as it runs: its tokens so far, how much of their KV is there, and
// where.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <ostream>
#include <span>

#include "kvstore/base/assignment.h"
#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "kvstore/block/block_chain.h"
#include "worker/core/block_table.h"
#include "worker/core/handoff.h"

namespace cairn {

// Who runs first and who is preempted last: priority, then whose first token is due sooner (with
// equal targets: who came sooner), then order of arrival, then choice. Kept through preemption, so
// the best-ranked sequence always gets on and everyone's turn comes.
struct Rank {
  int32_t priority = 0;
  Instant due;
  uint64_t arrival = 0;
  uint32_t choice = 0;
  friend auto operator<=>(const Rank&, const Rank&) = default;
};

struct LiveRequest;

enum class SequenceState : uint8_t {
  kWaiting,   // holds nothing
  kArriving,  // holds its blocks; some of them are on their way to the device
  kRunning,   // can be in the next step
};

// Resuming is nothing special: a preempted sequence waits with all its tokens, those it generated
// included, and is computed again as if they were a prompt.
struct Sequence {
  SequenceId id;
  RequestId request;
  LiveRequest* live = nullptr;  // the same; outlives the sequence
  Rank rank;
  BlockChain chain;            // prompt and output
  uint32_t prompt_tokens = 0;  // the first so many of them
  BlockTable table;
  uint32_t computed = 0;  // positions below it have KV in the table
  std::optional<PendingCopy> copy;
  SequenceState state = SequenceState::kWaiting;
  uint32_t cached = 0;                 // kWaiting: tokens that the store held when it began to wait
  std::optional<NodeLife> source;      // lends what is not here; until all has come, or will not
  std::optional<PrefixHolder> holder;  // is asked for what is not here, when it begins
  std::optional<FetchId> fetch;        // under way for it
  uint32_t fetched_blocks = 0;         // that came from a holder
  std::optional<uint64_t> refused_at;  // StoreCore::changes when a claim was last refused
  uint32_t attempts_failed = 0;        // steps in a row
  bool started = false;                // has been in a step
  bool restarted = false;              // and has lost its table since: what it finds may be its own
  bool in_step = false;                // is in the step that is out
  bool copies_whole_prompt =
      false;  // turns its last leased block into a copy when all have arrived

  uint32_t choice() const { return rank.choice; }
  uint32_t length() const { return chain.length(); }
  uint32_t left() const { return length() - computed; }  // to compute before the next token
  uint32_t output_tokens() const { return length() - prompt_tokens; }
  std::span<const TokenId> prompt() const { return chain.tokens().first(prompt_tokens); }
  std::span<const TokenId> output() const { return chain.tokens().subspan(prompt_tokens); }
};

}  // namespace cairn
