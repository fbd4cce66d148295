// What the scheduler core wants done, in order. The loop carries it out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "kvstore/base/assignment.h"
#include "kvstore/base/report.h"
#include "kvstore/base/time.h"
#include "kvstore/directory/publish_log.h"

namespace cairn {

struct SendAssignment {
  NodeId worker;
  Epoch epoch;
  Assignment assignment;
};

// The answers to RequestSubmitted; one of them follows at once.
struct Accepted {
  RequestId request;
};
enum class ShedReason : uint8_t {
  kLiveRequests,    // there are as many as there may be
  kQueuedTokens,    // so many tokens of prompts wait
  kTenantRequests,  // the same of one tenant
  kTenantTokens,
  kWaitTooLong,  // predicted
  kTtftTooLong,  // predicted, against the request's own target
  kTooLate,      // its first token cannot come before its deadline
  kDraining,
  kNoWorker,
};
inline constexpr size_t kShedReasons = 9;
struct Shed {
  RequestId request;
  ShedReason reason = ShedReason::kLiveRequests;
  Duration retry_after;  // who comes back then is expected to be let in
};

// Hand this word to the client. A request's words end with RequestEnded.
using ClientWord = std::variant<PrefillDone, TokenProduced, ChoiceEnded, RequestEnded>;
struct DeliverWord {
  RequestId request;
  ClientWord word;
};

// Send this to the node's store: some of what it published is missing.
struct AskResync {
  ResyncRequest request;
};

using SchedulerAction = std::variant<SendAssignment, Accepted, Shed, DeliverWord, AskResync>;

}  // namespace cairn
