// What a virtual cluster is made of, and what its world does to it.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "kvstore/base/time.h"
#include "kvstore/core/store_core.h"
#include "scheduler/core/scheduler_core.h"
#include "scheduler/simulator/peer_links.h"
#include "scheduler/simulator/trace_text.h"
#include "worker/core/worker_core.h"

namespace cairn {

// One worker: its limits, its store, and how fast it is.
struct WorkerOptions {
  WorkerLimits limits = {.vocabulary_size = kTraceVocabulary,
                         .context_length = 1u << 20,
                         .step_tokens = 2048,
                         .sequences_max = 256};
  StoreLimits store = {.block_tokens = 512, .device = {.slots = 2048}};
  PhaseRole role = PhaseRole::kMixed;
  bool takes_prompts = true;    // schedulers give it some; what is lost it computes in any case
  uint32_t step_percent = 100;  // a step takes so much of what the cost function says
  // One block between the device and DRAM. Each direction carries one block after the other.
  Duration move_time = Microseconds(100);
  // Its store tells schedulers what it holds. If not, they guess from what it was seen to compute.
  bool publishes = true;
};

// One scheduler. Several share nothing but the workers; requests are spread over them by the seed.
struct SchedulerOptions {
  SchedulerLimits limits = {.live_requests_max = 1u << 20, .queued_tokens_max = uint64_t{1} << 40};
  Duration link_delay;  // of every message to and from a worker
  // How old a worker's words about itself (its load, the blocks it holds) may get: they are sent
  // once in so long. Words about requests go at once. Zero: everything goes at once.
  Duration staleness;
};

struct WorkerDies {  // at once, with everything it holds; schedulers find out later
  uint32_t worker = 0;
};
struct WorkerReturns {  // empty, under the next epoch
  uint32_t worker = 0;
};
struct WorkerSlows {
  uint32_t worker = 0;
  uint32_t step_percent = 100;
};
struct WorkerAdded {  // its number is the next one
  WorkerOptions options;
};
struct WorkerRemoved {  // schedulers are told; what it runs goes on elsewhere
  uint32_t worker = 0;
};
struct WorkerIsTuned {  // schedulers are told, and tell it
  uint32_t worker = 0;
  PhaseRole role = PhaseRole::kMixed;
  uint32_t prompt_chunk = 512;  // 0: it is given no prompts
};
struct ClientCancels {  // ignored if the request has not come yet or has ended
  uint32_t request = 0;
};
using WorldChange = std::variant<WorkerDies, WorkerReturns, WorkerSlows, WorkerAdded, WorkerRemoved,
                                 WorkerIsTuned, ClientCancels>;

struct WorldEvent {
  Instant at;
  WorldChange what;
};

struct ClusterOptions {
  uint64_t seed = 1;
  std::vector<WorkerOptions> workers;        // numbered from 0; NodeId is the number plus 1
  std::vector<SchedulerOptions> schedulers;  // at least one
  PeerOptions peers;                         // between any two workers
  std::vector<WorldEvent> world;             // in any order
  // How often a client that was shed comes back, each time when it was told to.
  uint32_t comes_back_max = 0;
  Duration deadline;                     // of every request; zero: none
  Duration loss_detection = Seconds(1);  // until schedulers hear that a worker has died
  // Workers' busy time is also kept by slices of so long (run_timeline.h). Zero: it is not.
  Duration slice;
  // The run ends so long after the last arrival of the open loop at the latest. Who has not ended
  // by then counts as unfinished.
  Duration run_on = Seconds(24 * 3600);
};

}  // namespace cairn
