// Everything that can happen to the scheduler core. Plain values; adapters make them.
#pragma once

#include <variant>

#include "kvstore/base/assignment.h"
#include "kvstore/base/generation.h"
#include "kvstore/base/report.h"

namespace cairn {

// A client's request arrived, already in tokens. Answered at once by Accepted or Shed.
struct RequestSubmitted {
  GenerationRequest request;
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

// No new requests from now on; those inside finish.
struct DrainStarted {};

using SchedulerEvent = std::variant<RequestSubmitted, RequestCancelled, ChoiceStopped, WorkerJoined,
                                    WorkerLost, WorkerReported, DrainStarted>;

}  // namespace cairn
