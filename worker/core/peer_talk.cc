#include "worker/core/peer_talk.h"

#include <utility>

namespace cairn {

void PeerTalk::Send(const StartFetch& fetch, Instant now) {
  awaited_.emplace(fetch.id, Awaited{.fetch = fetch, .until = now + answer_max_});
  Say(fetch.source, WantBlocks{fetch.id, fetch.range, fetch.keys});
}

std::optional<WorkerEvent> PeerTalk::Hear(const PeerMessage& message) {
  const bool ours = message.to == self_;
  if (const auto* word = std::get_if<PeerWord>(&message.body)) {
    if (!ours) return std::nullopt;
    return PeerSaid{message.from, *word};
  }
  if (const auto* want = std::get_if<WantBlocks>(&message.body)) {
    if (ours) return BlocksAsked{message.from, want->fetch, want->range, want->keys};
    Say(message.from, HaveNoBlocks{want->fetch});  // what an earlier life had went with it
    return std::nullopt;
  }
  // Whichever life of the source says so: a later one has nothing of what was asked for either.
  const FetchId fetch = std::get<HaveNoBlocks>(message.body).fetch;
  const auto found = awaited_.find(fetch);
  const bool awaited =
      ours && found != awaited_.end() && found->second.fetch.source.node == message.from.node;
  if (!awaited) return std::nullopt;
  awaited_.erase(found);
  return FetchFinished{fetch, {}};
}

std::optional<StartFetch> PeerTalk::Take(NodeLife from, NodeLife to, FetchId fetch) {
  if (to != self_) return std::nullopt;
  const auto found = awaited_.find(fetch);
  if (found == awaited_.end() || found->second.fetch.source != from) return std::nullopt;
  return std::move(awaited_.extract(found).mapped().fetch);
}

std::vector<FetchFinished> PeerTalk::Tick(Instant now) {
  std::vector<FetchFinished> over;
  while (!awaited_.empty() && awaited_.begin()->second.until <= now) {
    over.push_back({awaited_.begin()->first, {}});
    awaited_.erase(awaited_.begin());
  }
  return over;
}

std::vector<PeerMessage> PeerTalk::TakeMessages() { return std::exchange(messages_, {}); }

}  // namespace cairn
