#include "kvstore/directory/directory.h"

#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

Directory::Directory(const DirectoryLimits& limits) : limits_(limits), index_(limits.index) {}

HolderId Directory::Join(NodeId node, Epoch epoch) {
  Leave(node);
  Source source{.epoch = epoch,
                .holder = index_.Join(),
                .reader = PublishReader(node, limits_.publish),
                .speaks = false};
  return sources_.emplace(node, std::move(source)).first->second.holder;
}

void Directory::Leave(NodeId node) {
  const auto found = sources_.find(node);
  if (found == sources_.end()) return;
  if (found->second.holder != kNoHolder) index_.Leave(found->second.holder);
  sources_.erase(found);
}

HolderId Directory::HolderOf(NodeId node) const {
  const auto found = sources_.find(node);
  return found == sources_.end() ? kNoHolder : found->second.holder;
}

bool Directory::Speaks(NodeId node) const {
  const auto found = sources_.find(node);
  return found != sources_.end() && found->second.speaks;
}

uint64_t Directory::Applied(NodeId node) const {
  const auto found = sources_.find(node);
  return found == sources_.end() ? 0 : found->second.reader.state().applied;
}

Directory::Source* Directory::Find(NodeId node, Epoch epoch) {
  const auto found = sources_.find(node);
  return found == sources_.end() || found->second.epoch != epoch ? nullptr : &found->second;
}

std::optional<ResyncRequest> Directory::Hear(PublishBatch batch, Instant now) {
  Source* source = Find(batch.node, batch.epoch);
  if (source == nullptr) return std::nullopt;
  const PublishNews news = source->reader.Read(std::move(batch), now);
  Apply(*source, news);
  return news.resync;
}

std::optional<ResyncRequest> Directory::Hear(PublishSnapshotPart part, Instant now) {
  Source* source = Find(part.node, part.epoch);
  if (source == nullptr) return std::nullopt;
  const PublishNews news = source->reader.Read(std::move(part), now);
  Apply(*source, news);
  return news.resync;
}

void Directory::Apply(Source& source, const PublishNews& news) {
  if (news.verdict == PublishVerdict::kRefused) return;
  // The node speaks for itself from now on: what others guessed of it is dropped.
  const bool first_word = !std::exchange(source.speaks, true);
  if (news.forget_first || first_word) {
    if (source.holder != kNoHolder) index_.Leave(source.holder);
    source.holder = index_.Join();
  }
  if (source.holder == kNoHolder) return;
  for (const BlockChange& change : news.changes) {
    if (change.kind == BlockChangeKind::kPublished) {
      index_.Publish(source.holder, change.block);
    } else {
      index_.Remove(source.holder, change.block.key, change.block.tier);
    }
  }
}

std::vector<ResyncRequest> Directory::Tick(Instant now) {
  std::vector<ResyncRequest> requests;
  for (auto& [node, source] : sources_) {
    if (std::optional<ResyncRequest> request = source.reader.Tick(now)) {
      requests.push_back(*request);
    }
  }
  return requests;
}

std::optional<DirectoryCoverage> Directory::Coverage(NodeId node, Instant now) const {
  const auto found = sources_.find(node);
  if (found == sources_.end()) return std::nullopt;
  const Source& source = found->second;
  const PublishState& state = source.reader.state();
  DirectoryCoverage coverage{.epoch = source.epoch, .speaks = source.speaks};
  if (source.speaks) {
    coverage.staleness = std::max(Duration(), now - state.heard);
    coverage.resync_pending = !state.complete();
    coverage.blocks_held = state.blocks_held;
  }
  if (source.holder != kNoHolder) {
    coverage.blocks_known = index_.known(source.holder);
    coverage.blocks_forgotten = index_.forgotten(source.holder);
  }
  const uint64_t all =
      source.speaks ? coverage.blocks_held : coverage.blocks_known + coverage.blocks_forgotten;
  if (source.holder == kNoHolder) {
    coverage.known_ppm = 0;
  } else if (all > coverage.blocks_known) {
    coverage.known_ppm = static_cast<uint32_t>(coverage.blocks_known * 1'000'000 / all);
  }
  return coverage;
}

}  // namespace cairn
