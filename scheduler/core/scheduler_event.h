// Everything that can happen to the scheduler core. Plain values; adapters make them.
#pragma once

#include <variant>
#include <vector>

#include "kvstore/base/assignment.h"
#include "kvstore/base/generation.h"
#include "kvstore/base/phase_role.h"
#include "kvstore/base/report.h"
#include "kvstore/block/block_key.h"
#include "kvstore/directory/publish_log.h"

namespace cairn {

// A client's request arrived, already in tokens. Answered at once by Accepted or Shed.
struct RequestSubmitted {
  GenerationRequest request;
  // Keys of the prompt's full blocks, if whoever submits knows them; otherwise they are computed.
  std::vector<BlockKey> chain;
};

// The client went away or asked to stop.
struct RequestCancelled {
  RequestId request;
};

// The text side found a stop string in one choice.
struct ChoiceStopped {
  RequestId request;
  uint32_t choice = 0;
};

// A worker is there and takes work. A known node with a higher epoch has restarted: what ran in its
// earlier life is lost.
struct WorkerJoined {
  NodeId worker;
  Epoch epoch;
  uint32_t step_tokens = 512;  // its chunk size; 0: it is given no prompts
  PhaseRole role = PhaseRole::kMixed;
};

// From now on the worker has this role and this chunk; it is told of the chunk.
struct WorkerTuned {
  NodeId worker;
  PhaseRole role = PhaseRole::kMixed;
  uint32_t prompt_chunk = 512;  // 0: it is given no prompts
};

struct WorkerLost {
  NodeId worker;
  Epoch epoch;
};

// One word of a worker. Words of an earlier life are ignored.
struct WorkerReported {
  NodeId worker;
  Epoch epoch;
  Report report;
};

// A worker's store tells what it holds (kvstore/directory/publish_log.h). Until it does, the
// scheduler guesses from what the worker was seen to compute.
struct BlocksPublished {
  PublishBatch batch;
};
struct BlocksListed {
  PublishSnapshotPart part;
};

// No new requests from now on; those inside finish.
struct DrainStarted {};

// Nothing happened but time. SchedulerCore::NextDeadline says when this is worth telling; where
// words can be lost, once a beat.
struct TimePassed {};

using SchedulerEvent = std::variant<RequestSubmitted, RequestCancelled, ChoiceStopped, WorkerJoined,
                                    WorkerTuned, WorkerLost, WorkerReported, BlocksPublished,
                                    BlocksListed, DrainStarted, TimePassed>;

}  // namespace cairn
