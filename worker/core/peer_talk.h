// A worker's end of what is said between workers, over a network that loses, repeats, delays and
// reorders: from what the core wants to messages, and from messages to what the core hears.
//
// No session is needed here (handoff.h): a word that is lost, late or repeated costs time only. A
// question must be answered exactly once, and the one who asks sees to that: without an answer in
// time the fetch is over, and what still comes for it is refused. Fetches are numbered anew in each
// life, so every message names the lives at both its ends, and one for another life means nothing
// here.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "worker/core/handoff.h"
#include "worker/core/worker_action.h"
#include "worker/core/worker_event.h"

namespace cairn {

struct WantBlocks {
  FetchId fetch;
  BlockRange range;
  std::vector<BlockKey> keys;  // as in StartFetch
};
// The answer to WantBlocks if it is not the blocks themselves, which travel beside.
struct HaveNoBlocks {
  FetchId fetch;
};
struct PeerMessage {
  NodeLife from;
  NodeLife to;
  std::variant<PeerWord, WantBlocks, HaveNoBlocks> body;
};

class PeerTalk {
 public:
  // Who asks for blocks gives up when nothing has come for `answer_max`.
  PeerTalk(NodeLife self, Duration answer_max) : self_(self), answer_max_(answer_max) {}

  void Send(const TellPeer& tell) { Say(tell.to, tell.word); }
  void Send(const RefuseBlocks& refuse) { Say(refuse.to, HaveNoBlocks{refuse.fetch}); }
  void Send(const StartFetch& fetch, Instant now);

  // What the core is to hear of it, if anything.
  std::optional<WorkerEvent> Hear(const PeerMessage& message);
  // Blocks have come. The fetch that they answer is over: they may be written to its slots, and the
  // core is to hear FetchFinished. None: nobody waits for them, and none of them may be written.
  std::optional<StartFetch> Take(NodeLife from, NodeLife to, FetchId fetch);
  // Fetches that nothing has come for in time.
  std::vector<FetchFinished> Tick(Instant now);
  std::vector<PeerMessage> TakeMessages();

 private:
  struct Awaited {
    StartFetch fetch;
    Instant until;
  };
  void Say(NodeLife to, decltype(PeerMessage::body) body) {
    messages_.push_back({.from = self_, .to = to, .body = std::move(body)});
  }

  const NodeLife self_;
  const Duration answer_max_;
  std::map<FetchId, Awaited> awaited_;  // in the order in which they were asked for
  std::vector<PeerMessage> messages_;
};

}  // namespace cairn
