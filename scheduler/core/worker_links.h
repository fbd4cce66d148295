// A scheduler's ends of its links to workers: from messages to events of the scheduler core, and
// from its assignments to messages.
//
// A worker greets, is welcomed, and has joined with its first frame, which shows that it hears us.
// It is lost when it greets anew, says nothing for too long, or closes the session. From then on
// every word of that session is ignored and answered with kClose: a worker that was only cut off
// and is still running what was given to others meanwhile is told to stop, and greets again when it
// has.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "kvstore/base/link_session.h"
#include "kvstore/base/report.h"
#include "scheduler/core/scheduler_action.h"
#include "scheduler/core/scheduler_event.h"

namespace cairn {

class WorkerLinks {
 public:
  // `life` grows with every restart of this scheduler.
  WorkerLinks(NodeId self, Epoch life, const LinkLimits& limits);

  // What it means for the core, in order.
  std::vector<SchedulerEvent> Hear(LinkMessage<Report> message, Instant now);
  // Workers that are gone by now.
  std::vector<SchedulerEvent> Tick(Instant now);
  // An assignment for a life that is over goes nowhere: the core hears, or has heard, of the loss.
  void Send(SendAssignment assignment);
  // What is to be sent now. Call after each of the others, and once in half a beat.
  std::vector<LinkMessage<Assignment>> TakeMessages(Instant now);

  bool quiet() const;  // no word is under way

 private:
  using Session = LinkSession<Assignment, Report>;
  enum class PeerState : uint8_t { kClosed, kWelcomed, kOpen };
  struct Peer {
    LinkId id;  // of the latest session
    PeerState state = PeerState::kClosed;
    PhaseRole role = PhaseRole::kMixed;
    uint32_t step_tokens = 0;
    std::optional<Session> session;  // kOpen
  };

  void Greet(const LinkMessage<Report>& hello, std::vector<SchedulerEvent>& events);
  void Close(Peer& peer, std::vector<SchedulerEvent>& events);
  void Say(const LinkId& id, LinkStep step) { messages_.push_back({.id = id, .step = step}); }

  const NodeId self_;
  const Epoch life_;
  const LinkLimits limits_;
  std::map<NodeId, Peer> peers_;
  std::vector<LinkMessage<Assignment>> messages_;
};

}  // namespace cairn
