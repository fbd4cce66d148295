#include "worker/core/scheduler_links.h"

#include <utility>
#include <variant>

namespace cairn {

SchedulerLinks::SchedulerLinks(NodeId self, Epoch life, PhaseRole role, uint32_t prompt_chunk,
                               const LinkLimits& limits)
    : self_(self), life_(life), role_(role), prompt_chunk_(prompt_chunk), limits_(limits) {}

void SchedulerLinks::Meet(NodeId scheduler, Instant now) {
  const auto [peer, first] = peers_.try_emplace(scheduler);
  if (!first) return;
  peer->second.id = {.worker = self_, .worker_life = life_, .scheduler = scheduler};
  Greet(peer->second, now);
}

void SchedulerLinks::Greet(Peer& peer, Instant now) {
  peer.state = PeerState::kGreeting;
  peer.id.scheduler_life = Epoch();
  ++peer.id.session;
  peer.greet_at = now;
}

void SchedulerLinks::Open(Peer& peer, Epoch scheduler_life, Instant now) {
  peer.state = PeerState::kOpen;
  peer.id.scheduler_life = scheduler_life;
  peer.session.emplace(limits_, now);
  messages_.push_back({.id = peer.id});  // an empty frame: we have joined
}

void SchedulerLinks::Close(Peer& peer, std::vector<Assignment>& heard, Instant now) {
  peer.session.reset();
  for (const RequestId request : peer.requests) heard.push_back(Cancel{request});
  for (const RequestId request : std::exchange(peer.followed, {})) {
    heard.push_back(Cancel{request});
  }
  if (peer.requests.empty()) {
    Greet(peer, now);
  } else {
    peer.state = PeerState::kDraining;
  }
}

std::vector<Assignment> SchedulerLinks::Hear(LinkMessage<Assignment> message, Instant now) {
  std::vector<Assignment> heard;
  const LinkId& id = message.id;
  const auto known = peers_.find(id.scheduler);
  if (known == peers_.end() || id.worker != self_) return heard;
  Peer& peer = known->second;
  const bool ours = id.worker_life == life_ && id.session == peer.id.session &&
                    peer.state != PeerState::kDraining;
  if (!ours) {
    if (message.step == LinkStep::kFrame) Say(id, LinkStep::kClose);
    return heard;
  }
  if (peer.state == PeerState::kGreeting) {
    if (message.step == LinkStep::kClose) {
      Greet(peer, now);  // it has closed this one already: under the next number
      return heard;
    }
    Open(peer, id.scheduler_life, now);  // a frame may come before the welcome
  }
  if (id.scheduler_life < peer.id.scheduler_life) return heard;  // of its earlier life
  // Its next life has welcomed an old greeting and knows nothing of what was said since.
  const bool replaced = id.scheduler_life > peer.id.scheduler_life;
  if (replaced || message.step == LinkStep::kClose) {
    Close(peer, heard, now);
  } else if (message.step == LinkStep::kFrame) {
    Take(peer, std::move(message.frame), heard, now);
  }
  return heard;
}

void SchedulerLinks::Take(Peer& peer, LinkFrame<Assignment> frame, std::vector<Assignment>& heard,
                          Instant now) {
  for (Assignment& word : peer.session->Hear(std::move(frame), now)) {
    Note(peer, word);
    heard.push_back(std::move(word));
  }
}

void SchedulerLinks::Note(Peer& peer, const Assignment& word) {
  if (const auto* assign = std::get_if<Assign>(&word)) {
    peer.followed.erase(assign->request.id);
    peer.requests.insert(assign->request.id);
    owners_.emplace(assign->request.id, peer.id.scheduler);
  } else if (const auto* follow = std::get_if<Follow>(&word)) {
    peer.followed.insert(follow->request);
  } else if (const auto* ask = std::get_if<Ask>(&word)) {
    askers_[ask->request] = peer.id.scheduler;
  } else if (const auto* cancel = std::get_if<Cancel>(&word)) {
    peer.followed.erase(cancel->request);
  } else if (const auto* chunk = std::get_if<SetPromptChunk>(&word)) {
    prompt_chunk_ = chunk->tokens;
  }
}

std::vector<Assignment> SchedulerLinks::Tick(Instant now) {
  std::vector<Assignment> heard;
  for (auto& [scheduler, peer] : peers_) {
    if (!peer.session || !peer.session->IsOver(now)) continue;
    Say(peer.id, LinkStep::kClose);
    Close(peer, heard, now);
  }
  return heard;
}

void SchedulerLinks::Send(const Report& report, Instant now) {
  if (std::holds_alternative<WorkerLoad>(report)) {
    for (auto& [scheduler, peer] : peers_) {
      if (peer.session) peer.session->Send(report);
    }
    return;
  }
  if (const auto* answer = std::get_if<AskAnswered>(&report)) {
    const auto asker = askers_.extract(answer->request);
    if (asker.empty()) return;
    Peer& peer = peers_.at(asker.mapped());
    if (peer.session) peer.session->Send(report);
    return;
  }
  const RequestId request = std::visit(
      [](const auto& word) {
        if constexpr (requires { word.request; }) {
          return word.request;
        } else {
          return RequestId();
        }
      },
      report);
  const auto owner = owners_.find(request);
  if (owner == owners_.end()) return;
  Peer& peer = peers_.at(owner->second);
  if (peer.session) peer.session->Send(report);
  const bool last =
      std::holds_alternative<RequestEnded>(report) || std::holds_alternative<Yielded>(report);
  if (!last) return;
  owners_.erase(owner);
  peer.requests.erase(request);
  if (peer.state == PeerState::kDraining && peer.requests.empty()) Greet(peer, now);
}

std::vector<LinkMessage<Report>> SchedulerLinks::TakeMessages(Instant now) {
  for (auto& [scheduler, peer] : peers_) {
    if (peer.state == PeerState::kGreeting && peer.greet_at <= now) {
      Say(peer.id, LinkStep::kHello);
      peer.greet_at = now + limits_.resend_after;
    }
    if (!peer.session) continue;
    while (std::optional<LinkFrame<Report>> frame = peer.session->NextFrame(now)) {
      messages_.push_back({.id = peer.id, .frame = *std::move(frame)});
    }
  }
  return std::exchange(messages_, {});
}

bool SchedulerLinks::quiet() const {
  for (const auto& [scheduler, peer] : peers_) {
    if (!peer.session || !peer.session->quiet()) return false;
  }
  return true;
}

}  // namespace cairn
