// How KV goes from worker to worker. Words and bytes go directly between the two; the scheduler
// only says who goes on with what, or who has what (kvstore/base/assignment.h). A request is handed
// over:
//
//   source: runs -> Yield -> lends its blocks ------------------------------> gives them back
//             \ sealed ...    \ sends them as they are asked for            /  (or after loan_time)
//   target: follows: fetches .. Assign{resume, source}: fetches the rest -> runs, says LoanDone
//
// Bytes are asked for by request and block number and answered only while the source holds them: a
// source that has given them back refuses.
//
// The head of a prompt comes out of another worker's cache, which never ran the request:
//
//   target: Assign{holder}: asks by keys -> runs, when it has come or would take too long
//   holder:                   sends the first of them, as many as it has, or refuses
//
// A block is read here only after its key and checksum were compared. Whatever does not come is
// computed: time is lost, never truth.
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
  // If whoever has them is asked, and not the request's source: of the prompt's blocks up to the
  // range's end, those before it too. A lender holds a whole head while it sends of it.
  std::vector<BlockKey> keys;
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
  std::vector<ArrivedBlock> blocks;  // all of them, or none; asked for by keys: the first of them
};

// Event of the source: a worker asks for a range. Answered at once by SendBlocks or RefuseBlocks.
struct BlocksAsked {
  NodeLife from;
  FetchId fetch;
  BlockRange range;
  std::vector<BlockKey> keys;  // as in StartFetch
};
// Action: send the slots' bytes with their keys and checksums, and answer with one BlocksSent
// whatever comes of it. Nobody writes them until then.
struct SendBlocks {
  SendId id;
  NodeLife to;
  FetchId fetch;
  BlockRange range;              // asked for by keys: with as many blocks as are sent
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

// What came of asking by keys: totals of one worker, as target and as holder. What is wanted and
// absent is what directories were wrong about.
struct PrefixFetchCounts {
  uint64_t fetches = 0;
  uint64_t blocks_asked = 0;
  uint64_t blocks_arrived = 0;
  uint64_t blocks_late = 0;    // given up; blocks that are neither did not come, or damaged
  uint64_t blocks_wanted = 0;  // of this worker; of them:
  uint64_t blocks_lent = 0;
  uint64_t blocks_absent = 0;
  uint64_t blocks_refused = 0;  // too much is being lent

  PrefixFetchCounts& operator+=(const PrefixFetchCounts& other) {
    fetches += other.fetches;
    blocks_asked += other.blocks_asked;
    blocks_arrived += other.blocks_arrived;
    blocks_late += other.blocks_late;
    blocks_wanted += other.blocks_wanted;
    blocks_lent += other.blocks_lent;
    blocks_absent += other.blocks_absent;
    blocks_refused += other.blocks_refused;
    return *this;
  }
  friend bool operator==(const PrefixFetchCounts&, const PrefixFetchCounts&) = default;
};

}  // namespace cairn
