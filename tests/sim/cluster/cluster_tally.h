// How often a run went where it is dangerous.
#pragma once

#include <cstdint>
#include <ostream>

#include "tests/sim/checker/handoff_watch.h"
#include "worker/core/handoff.h"

namespace cairn::sim {

struct ClusterTally {
  uint64_t kills = 0;
  uint64_t cuts = 0;
  uint64_t joins = 0;       // of workers with schedulers, the first ones included
  uint64_t runs_again = 0;  // requests given to another worker, or once more to the same
  uint64_t cut_off = 0;     // requests whose scheduler died
  uint64_t shed = 0;
  uint64_t moved = 0;    // between lines
  uint64_t tunings = 0;  // words of an operator to schedulers: this is what the worker is for
  uint64_t asks = 0, asks_late = 0;  // requests about which workers were asked first
  uint64_t found_by_asking = 0;      // blocks of their prompts
  uint64_t resyncs = 0;
  uint64_t snapshots = 0;  // parts
  uint64_t hit_tokens = 0;
  uint64_t lost = 0, repeated = 0;  // messages
  HandoffTally handoffs;
  uint64_t fetches = 0;
  uint64_t fetches_empty = 0;   // came back without blocks
  uint64_t fetches_cut = 0;     // questions and answers that met a cut
  uint64_t fetches_stale = 0;   // answers that nobody waited for any more
  uint64_t blocks_fetched = 0;  // and found to be right
  // Of these, what was asked for by keys because a scheduler named a lender. The rest of the blocks
  // were damaged on their way, or lost.
  uint64_t lenders_named = 0;
  uint64_t prefixes_struck = 0;  // the world took aim at one of the two
  PrefixFetchCounts prefixes;

  ClusterTally& operator+=(const ClusterTally& other);
};

std::ostream& operator<<(std::ostream& out, const ClusterTally& tally);

}  // namespace cairn::sim
