// A worker's ends of its links to schedulers: from messages to assignments for the worker core, and
// from its reports to messages, each to the scheduler that gave the request.
//
//   greeting ──welcomed──► open ──closed, silent or replaced──► draining ──all have ended──►
//   greeting
//
// When a session is over its scheduler has given up on everything that runs here for it, or is
// about to: it is cancelled, and what is still said of it goes nowhere. Only when the last of it
// has ended does the worker greet again, under the next number, so that a request that comes back
// finds nothing of its earlier run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "kvstore/base/assignment.h"
#include "kvstore/base/link_session.h"
#include "kvstore/base/phase_role.h"
#include "kvstore/base/report.h"

namespace cairn {

class SchedulerLinks {
 public:
  // `life` is the epoch of the worker and its store; `prompt_chunk` 0: no prompts, please.
  SchedulerLinks(NodeId self, Epoch life, PhaseRole role, uint32_t prompt_chunk,
                 const LinkLimits& limits);

  void Meet(NodeId scheduler, Instant now);  // begins to greet it

  // What the core is to hear, in order.
  std::vector<Assignment> Hear(LinkMessage<Assignment> message, Instant now);
  std::vector<Assignment> Tick(Instant now);
  // A word about a request goes to its scheduler, a word about the worker to all that listen.
  void Send(const Report& report, Instant now);
  // What is to be sent now. Call after each of the others, and once in half a beat.
  std::vector<LinkMessage<Report>> TakeMessages(Instant now);

  bool quiet() const;  // every session is open, and no word is under way
  size_t requests() const { return owners_.size(); }
  bool draining(NodeId scheduler) const {
    return peers_.at(scheduler).state == PeerState::kDraining;
  }

 private:
  using Session = LinkSession<Report, Assignment>;
  enum class PeerState : uint8_t { kGreeting, kOpen, kDraining };
  struct Peer {
    LinkId id;
    PeerState state = PeerState::kGreeting;
    Instant greet_at;
    std::optional<Session> session;  // kOpen
    std::set<RequestId> requests;    // given in this session and not ended
    std::set<RequestId> followed;    // that may be given: hints, which nothing answers
  };

  void Greet(Peer& peer, Instant now);
  void Open(Peer& peer, Epoch scheduler_life, Instant now);
  void Close(Peer& peer, std::vector<Assignment>& heard, Instant now);
  void Note(Peer& peer, const Assignment& word);
  void Take(Peer& peer, LinkFrame<Assignment> frame, std::vector<Assignment>& heard, Instant now);
  void Say(const LinkId& id, LinkStep step) {
    messages_.push_back({.id = id, .step = step, .role = role_, .step_tokens = prompt_chunk_});
  }

  const NodeId self_;
  const Epoch life_;
  const PhaseRole role_;
  uint32_t prompt_chunk_;  // that the next greeting says: the last that a scheduler has set
  const LinkLimits limits_;
  std::map<NodeId, Peer> peers_;
  std::map<RequestId, NodeId> owners_;
  std::map<RequestId, NodeId> askers_;  // until the core has answered
  std::vector<LinkMessage<Report>> messages_;
};

}  // namespace cairn
