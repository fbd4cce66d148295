// How the head of a prompt comes out of another worker's cache: the target's side, then the
// holder's. Nothing is handed over and neither waits for room at the other, so nobody can be
// blocked: what is not there at once, or does not come in time, is computed.
#include <algorithm>
#include <utility>

#include "worker/core/worker_state.h"

namespace cairn {

// The first block of the sequence that its holder is not asked for. Not more is on its way at a
// time than there may be.
uint32_t WorkerState::FetchEnd(const Sequence& sequence, uint32_t full) const {
  if (!sequence.holder) return 0;
  uint32_t fetches = 0, blocks = 0;
  for (const auto& [id, fetch] : fetches_) {
    if (fetch.kind == FetchKind::kHandoff) continue;
    ++fetches;
    blocks += fetch.range.blocks;
  }
  if (fetches >= limits_.fetches_max || blocks >= limits_.fetched_blocks_max) return 0;
  return std::min({full, sequence.holder->blocks, limits_.fetched_blocks_max - blocks});
}

// The last `fetched` of the table's leased blocks are to come from the holder. It is asked once: if
// something is lost on the way, the sequence starts over with what is here then.
void WorkerState::FetchPrefix(Sequence& sequence, uint32_t fetched) {
  const std::optional<PrefixHolder> holder = std::exchange(sequence.holder, std::nullopt);
  if (fetched == 0) return;
  const BlockTable& table = sequence.table;
  BlockFetch fetch{.kind = FetchKind::kPrefix,
                   .source = holder->life,
                   .range = {.request = sequence.request,
                             .first = table.sealed_blocks() - fetched,
                             .blocks = fetched},
                   .blocks = {},
                   .partial = std::nullopt,
                   .ends = now_ + std::min(holder->wait, limits_.loan_time)};
  std::vector<BlockKey> keys;
  for (uint32_t block = 0; block < table.sealed_blocks(); ++block) {
    keys.push_back(sequence.chain.key(block));
    if (block >= fetch.range.first) fetch.blocks.push_back(table.ShareLease(block));
  }
  NoteEnd(fetch.ends);
  ++fetch_counts_.fetches;
  fetch_counts_.blocks_asked += fetched;
  sequence.fetch = StartFetching(std::move(fetch), std::move(keys));
}

// Whoever waits for these blocks, for itself or for another one's fetch, starts over without them.
// The slots stay held: the bytes may still come.
void WorkerState::EndLateFetches() {
  for (auto& [id, fetch] : fetches_) {
    if (fetch.kind != FetchKind::kPrefix) continue;
    if (now_ < fetch.ends) {
      NoteEnd(fetch.ends);
      continue;
    }
    fetch.kind = FetchKind::kTooLate;
    fetch_counts_.blocks_late += fetch.blocks.size();
    for (const BlockLease& block : fetch.blocks) store_.FetchLost(block);
    if (Sequence* sequence = WhoFetches(fetch.range.request, id)) sequence->fetch.reset();
  }
}

// The first of the blocks that are asked for, as many as can be read here now. They are held until
// they are sent, and what is before them too: leases are always on a chain's whole head, or a block
// could be told to go while its child must stay.
void WorkerState::Lend(const BlocksAsked& event) {
  uint32_t lends = 0, lent = 0;
  for (const auto& [id, send] : sends_) {
    if (!send.by_keys) continue;
    ++lends;
    lent += static_cast<uint32_t>(send.blocks.size());
  }
  const bool odd = event.keys.size() != size_t{event.range.first} + event.range.blocks;
  const bool full = odd || lends >= limits_.lends_max || lent >= limits_.lent_blocks_max;
  const size_t room = full ? 0 : limits_.lent_blocks_max - lent;
  BlockSend send{.by_keys = true, .blocks = {}, .partial = std::nullopt};
  SendBlocks action{.id = {},
                    .to = event.from,
                    .fetch = event.fetch,
                    .range = event.range,
                    .slots = {},
                    .keys = {}};
  for (const BlockKey& key : event.keys) {
    if (send.blocks.size() == room) break;
    std::optional<BlockLease> lease = store_.LeaseToLend(key);
    if (!lease) break;
    send.blocks.push_back(*std::move(lease));
    if (send.blocks.size() <= event.range.first) continue;
    action.slots.push_back(send.blocks.back().slot());
    action.keys.push_back(key);
  }
  const auto blocks = static_cast<uint32_t>(action.keys.size());
  const uint32_t missing = event.range.blocks - blocks;
  fetch_counts_.blocks_wanted += event.range.blocks;
  fetch_counts_.blocks_lent += blocks;
  (send.blocks.size() == room ? fetch_counts_.blocks_refused : fetch_counts_.blocks_absent) +=
      missing;
  if (blocks == 0) {
    handoff_actions_.push_back(RefuseBlocks{event.from, event.fetch});
    return;
  }
  action.range.blocks = blocks;
  action.id = SendId(++last_send_);
  sends_.emplace(action.id, std::move(send));
  handoff_actions_.push_back(std::move(action));
}

}  // namespace cairn
