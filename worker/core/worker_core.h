// One worker's decisions: which requests run, in which steps, over which blocks. Knows nothing of
// engines, threads or clocks: the loop feeds it events with the current time and carries out the
// actions it returns, in order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kvstore/base/report.h"
#include "kvstore/base/time.h"
#include "kvstore/block/model_identity.h"
#include "kvstore/core/store_core.h"
#include "worker/core/worker_action.h"
#include "worker/core/worker_event.h"

namespace cairn {

// Every quantity of a worker has a limit. At the limit of a request, its choices end with kFailed
// and a message; at a limit of the machine, the request waits.
struct WorkerLimits {
  uint32_t vocabulary_size = 0;    // token ids are below it
  uint32_t context_length = 0;     // prompt and output together
  uint32_t step_tokens = 512;      // computed in one step, over all sequences
  uint32_t prompt_chunk = 0;       // of these, of prompts; 0: as many as there is room for
  uint32_t sequences_max = 64;     // holding blocks at the same time
  uint32_t requests_max = 4096;    // live, running or waiting
  uint32_t choices_max = 128;      // of one request
  uint32_t step_attempts_max = 2;  // a sequence whose step failed this many times in a row fails
  uint32_t followed_max = 64;      // prompts; what is beyond is not fetched ahead
  // How long blocks are kept for a request that was yielded, and for a prompt that is followed, if
  // nothing is heard. Longer than any fetch takes.
  Duration loan_time = Seconds(10);
  // Of prompts' heads that come from other workers' caches, at one time: what is beyond is
  // computed.
  uint32_t fetches_max = 64;
  uint32_t fetched_blocks_max = 16384;
  // And that go to others: what is beyond is refused.
  uint32_t lends_max = 64;
  uint32_t lent_blocks_max = 16384;
};

class WorkerState;

class WorkerCore {
 public:
  WorkerCore(const WorkerLimits& limits, const StoreLimits& store, const ModelIdentity& model);
  ~WorkerCore();
  WorkerCore(const WorkerCore&) = delete;
  WorkerCore& operator=(const WorkerCore&) = delete;

  // Records what happened. Feed all events that are there, then take the actions: a step is planned
  // once for all of them.
  void Handle(WorkerEvent event, Instant now);
  void Tick(Instant now);                       // loans that have ended
  std::optional<Instant> NextDeadline() const;  // when Tick is next worth calling

  // What to do now, in order: reports, moves, and at the end at most one RunStep if none is out.
  // Empty again until the next event.
  std::vector<WorkerAction> TakeActions();

  // The store begins to tell others what it holds. REQUIRES: nothing has happened yet.
  void StartPublishing(NodeId node, Epoch epoch, const PublishLimits& limits = {});
  BlockAnnouncer* announcer();  // null: not started

  // Nothing lives here: no request, no step, no move, no loan. A drained worker becomes idle.
  bool idle() const;
  WorkerLoad load() const;  // as it would be reported now
  const PrefixFetchCounts& prefix_fetches() const;
  const StoreCore& store() const;  // for metrics and audits

 private:
  std::unique_ptr<WorkerState> state_;
};

}  // namespace cairn
