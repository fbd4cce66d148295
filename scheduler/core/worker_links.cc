#include "scheduler/core/worker_links.h"

#include <tuple>
#include <utility>

namespace cairn {
namespace {

bool IsNewer(const LinkId& a, const LinkId& b) {
  return std::tie(a.worker_life, a.session) > std::tie(b.worker_life, b.session);
}

}  // namespace

WorkerLinks::WorkerLinks(NodeId self, Epoch life, const LinkLimits& limits)
    : self_(self), life_(life), limits_(limits) {}

std::vector<SchedulerEvent> WorkerLinks::Hear(LinkMessage<Report> message, Instant now) {
  std::vector<SchedulerEvent> events;
  const LinkId& id = message.id;
  if (id.scheduler != self_) return events;
  if (message.step == LinkStep::kHello) {
    Greet(message, events);
    return events;
  }
  const auto known = peers_.find(id.worker);
  const bool current =
      known != peers_.end() && known->second.id == id && known->second.state != PeerState::kClosed;
  if (!current) {
    if (message.step == LinkStep::kFrame) Say(id, LinkStep::kClose);
    return events;
  }
  Peer& peer = known->second;
  if (message.step == LinkStep::kClose) {
    Close(peer, events);
  } else if (message.step == LinkStep::kFrame) {
    if (peer.state == PeerState::kWelcomed) {
      peer.state = PeerState::kOpen;
      peer.session.emplace(limits_, now);
      events.push_back(WorkerJoined{id.worker, id.worker_life, peer.step_tokens, peer.role});
    }
    for (Report& report : peer.session->Hear(std::move(message.frame), now)) {
      events.push_back(WorkerReported{id.worker, id.worker_life, std::move(report)});
    }
  }
  return events;
}

// Greetings are repeated until they are answered, and may come late: only a newer one begins
// anything, and one for a session that is over is refused.
void WorkerLinks::Greet(const LinkMessage<Report>& hello, std::vector<SchedulerEvent>& events) {
  LinkId id = hello.id;
  id.scheduler_life = life_;
  const auto [known, first] = peers_.try_emplace(id.worker);
  Peer& peer = known->second;
  if (first || IsNewer(id, peer.id)) {
    Close(peer, events);
    peer.id = id;
    peer.state = PeerState::kWelcomed;
    peer.role = hello.role;
    peer.step_tokens = hello.step_tokens;
  }
  const bool current = peer.id == id && peer.state != PeerState::kClosed;
  Say(id, current ? LinkStep::kWelcome : LinkStep::kClose);
}

void WorkerLinks::Close(Peer& peer, std::vector<SchedulerEvent>& events) {
  const bool joined = peer.state == PeerState::kOpen;
  peer.state = PeerState::kClosed;
  peer.session.reset();
  if (joined) events.push_back(WorkerLost{peer.id.worker, peer.id.worker_life});
}

std::vector<SchedulerEvent> WorkerLinks::Tick(Instant now) {
  std::vector<SchedulerEvent> events;
  for (auto& [node, peer] : peers_) {
    if (!peer.session || !peer.session->IsOver(now)) continue;
    Close(peer, events);
    Say(peer.id, LinkStep::kClose);
  }
  return events;
}

void WorkerLinks::Send(SendAssignment assignment) {
  const auto known = peers_.find(assignment.worker);
  if (known == peers_.end() || !known->second.session) return;
  if (known->second.id.worker_life != assignment.epoch) return;
  known->second.session->Send(std::move(assignment.assignment));
}

std::vector<LinkMessage<Assignment>> WorkerLinks::TakeMessages(Instant now) {
  for (auto& [node, peer] : peers_) {
    if (!peer.session) continue;
    while (std::optional<LinkFrame<Assignment>> frame = peer.session->NextFrame(now)) {
      messages_.push_back({.id = peer.id, .frame = *std::move(frame)});
    }
  }
  return std::exchange(messages_, {});
}

bool WorkerLinks::quiet() const {
  for (const auto& [node, peer] : peers_) {
    if (peer.session && !peer.session->quiet()) return false;
  }
  return true;
}

}  // namespace cairn
