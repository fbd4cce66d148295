// How a request's KV goes from worker to worker. Words and bytes go directly between the two; the
// scheduler only says who goes on with what (kvstore/base/assignment.h).
//
//   source: runs -> Yield -> lends its blocks ------------------------------> gives them back
//             \ sealed ...    \ sends them as they are asked for            /  (or after loan_time)
//   target: follows: fetches .. Assign{resume, source}: fetches the rest -> runs, says LoanDone
//
// Bytes are asked for by request and block number and answered only while the source holds them: a
// source that has given them back refuses. A block is read here only after its key and checksum
// were compared. Whatever does not come is computed: time is lost, never truth.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/block/block_key.h"

namespace cairn {

struct FetchIdTag {
  static constexpr const char* kPrefix = "fetch-";
};
struct SendIdTag {
  static constexpr const char* kPrefix = "send-";
};
using FetchId = StrongInt<FetchIdTag, uint64_t>;  // of the one who fetches
using SendId = StrongInt<SendIdTag, uint64_t>;    // of the one who sends

// --- words between workers; a lost one costs time only

// The first so many blocks of the request's prompt can be fetched here.
struct BlocksSealed {
  RequestId request;
  uint32_t blocks = 0;
};
// The request waits for room here, and its blocks are still wanted.
struct LoanWanted {
  RequestId request;
};
// Nothing more will be fetched for this request.
struct LoanDone {
  RequestId request;
};
using PeerWord = std::variant<BlocksSealed, LoanWanted, LoanDone>;

// --- bytes between workers

// Which bytes: `blocks` full blocks of the request's sequence from `first` on, then the first
// `partial_tokens` positions of the block behind them (0: none; it has no key yet).
struct BlockRange {
  RequestId request;
  uint32_t first = 0;
  uint32_t blocks = 0;
  uint32_t partial_tokens = 0;
};

// Action of the target: ask `source` for the range, put each block into the slot of `targets` in
// its place (the partial one last), and answer with one FetchFinished. Nobody touches the slots
// until then.
struct StartFetch {
  FetchId id;
  NodeLife source;
  BlockRange range;
  std::vector<SlotIndex> targets;
};
// What came with one block, and what came of it: its key (nothing for a partial one), and checksums
// over its positions at the source before they were sent and here after they arrived.
struct ArrivedBlock {
  BlockKey key;
  uint64_t checksum_sent = 0;
  uint64_t checksum_arrived = 0;
};
// Event: the answer to StartFetch. Without blocks: the source refused, is gone, or took too long.
struct FetchFinished {
  FetchId id;
  std::vector<ArrivedBlock> blocks;  // all of them, or none
};

// Event of the source: a worker asks for a range. Answered at once by SendBlocks or RefuseBlocks.
struct BlocksAsked {
  NodeLife from;
  FetchId fetch;
  BlockRange range;
};
// Action: send the slots' bytes with their keys and checksums, and answer with one BlocksSent
// whatever comes of it. Nobody writes them until then.
struct SendBlocks {
  SendId id;
  NodeLife to;
  FetchId fetch;
  BlockRange range;
  std::vector<SlotIndex> slots;  // as `targets` of the StartFetch
  std::vector<BlockKey> keys;    // of the full blocks
};
struct RefuseBlocks {
  NodeLife to;
  FetchId fetch;
};
struct BlocksSent {
  SendId id;
};

}  // namespace cairn
