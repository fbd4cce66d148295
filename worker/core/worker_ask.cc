// What a request would find here, for schedulers that ask before they choose.
#include <algorithm>
#include <utility>

#include "worker/core/worker_state.h"

namespace cairn {
namespace {

// Blocks up to the first of the marks that does not hold: what is behind a gap is of no use.
template <typename Holds>
uint32_t BlocksWhile(const std::vector<PrefixMark>& marks, Holds holds) {
  const auto end = std::ranges::find_if_not(marks, holds);
  return end == marks.begin() ? 0 : std::prev(end)->blocks;
}

BlockKey KeyOf(const PrefixMark& mark) { return {mark.key_high, mark.key_low}; }

}  // namespace

void WorkerState::Handle(const Ask& event) {
  Send(AskAnswered{.request = event.request,
                   .prefill_tokens_left = load().prefill_tokens_left,
                   .blocks = std::max(BlocksFound(event.marks), BlocksToCome(event.marks)),
                   .steps = totals_.steps});
}

uint32_t WorkerState::BlocksFound(const std::vector<PrefixMark>& marks) const {
  return BlocksWhile(marks, [&](const PrefixMark& mark) {
    return store_.copies().FindKey(KeyOf(mark)).has_value();
  });
}

// Whoever comes behind a prompt that waits or runs here finds it computed.
uint32_t WorkerState::BlocksToCome(const std::vector<PrefixMark>& marks) const {
  uint32_t most = 0;
  for (const auto* queue : {&running_, &waiting_}) {
    for (const auto& [rank, sequence] : *queue) {
      if (sequence->live->forked) continue;  // its prompt is computed
      const BlockChain& chain = sequence->chain;
      most = std::max(most, BlocksWhile(marks, [&](const PrefixMark& mark) {
                        return mark.blocks > 0 && mark.blocks <= chain.full_blocks() &&
                               chain.key(mark.blocks - 1) == KeyOf(mark);
                      }));
    }
  }
  return most;
}

}  // namespace cairn
