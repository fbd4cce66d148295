#include "kvstore/directory/publish_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

PublishLog::PublishLog(NodeId node, Epoch epoch, const PublishLimits& limits)
    : node_(node), epoch_(epoch), limits_(limits) {
  CAIRN_CHECK_GT(limits.batch_changes_max, 0u);
  CAIRN_CHECK_GT(limits.pending_changes_max, 0u);
  CAIRN_CHECK_GT(limits.snapshot_part_blocks, 0u);
}

void PublishLog::Add(const BlockChange& change) {
  if (pending_.size() >= limits_.pending_changes_max) {
    // Nobody sends. Numbers that are never sent are a gap that only a snapshot can close; this
    // change is behind it too.
    sequence_ += batches_pending() + 1;
    pending_.clear();
    tail_.clear();
    return;
  }
  pending_.push_back(change);
}

std::optional<PublishBatch> PublishLog::CutBatch(uint64_t blocks_held) {
  if (pending_.empty()) return std::nullopt;
  const size_t size = std::min<size_t>(pending_.size(), limits_.batch_changes_max);
  const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(size);
  PublishBatch batch{.node = node_,
                     .epoch = epoch_,
                     .sequence = ++sequence_,
                     .blocks_held = blocks_held,
                     .changes = std::vector<BlockChange>(pending_.begin(), end)};
  pending_.erase(pending_.begin(), end);
  tail_.push_back(batch);
  if (tail_.size() > limits_.tail_batches_max) tail_.pop_front();
  return batch;
}

PublishBatch PublishLog::Beat(uint64_t blocks_held) const {
  return {.node = node_, .epoch = epoch_, .sequence = sequence_, .blocks_held = blocks_held};
}

ResyncAnswer PublishLog::Answer(const ResyncRequest& request) const {
  const bool ours = request.node == node_ && request.epoch == epoch_;
  if (!ours || !request.have || *request.have > sequence_) return SnapshotNeeded{};
  std::vector<PublishBatch> missing;
  for (const PublishBatch& batch : tail_) {
    if (batch.sequence > *request.have) missing.push_back(batch);
  }
  // The tail has no holes after its first batch: it is cleared when a number is skipped.
  if (missing.size() != sequence_ - *request.have) return SnapshotNeeded{};
  return missing;
}

std::vector<PublishSnapshotPart> PublishLog::Snapshot(std::span<const HeldBlock> copies,
                                                      uint64_t blocks_held) const {
  const size_t most = limits_.snapshot_part_blocks;
  const size_t parts = std::max<size_t>(1, (copies.size() + most - 1) / most);
  std::vector<PublishSnapshotPart> snapshot;
  for (size_t part = 0; part < parts; ++part) {
    const auto blocks = copies.subspan(part * most, std::min(most, copies.size() - part * most));
    snapshot.push_back({.node = node_,
                        .epoch = epoch_,
                        .through = sequence_,
                        .part = static_cast<uint32_t>(part),
                        .parts = static_cast<uint32_t>(parts),
                        .blocks_held = blocks_held,
                        .blocks = std::vector<HeldBlock>(blocks.begin(), blocks.end())});
  }
  return snapshot;
}

PublishReader::PublishReader(NodeId node, const PublishLimits& limits)
    : node_(node), limits_(limits) {}

PublishNews PublishReader::Read(PublishBatch batch, Instant now) {
  PublishNews news;
  if (batch.node != node_ || (batch.sequence == 0 && !batch.changes.empty())) {
    news.verdict = PublishVerdict::kRefused;
    return news;
  }
  if (!EnterEpoch(batch.epoch, news, now)) return news;
  if (batch.sequence >= state_.announced) {
    state_.announced = batch.sequence;
    state_.blocks_held = batch.blocks_held;
  }
  const uint64_t covered = snapshot_ ? snapshot_->through : state_.applied;
  if (batch.sequence <= covered || batch.changes.empty()) {
    news.verdict = PublishVerdict::kRepeated;
  } else if (batch.sequence == state_.applied + 1 && !snapshot_) {
    state_.applied = batch.sequence;
    news.changes = std::move(batch.changes);
    TakeEarly(news);
  } else {
    Keep(std::move(batch), news, now);
  }
  SettleGap(now);
  return news;
}

PublishNews PublishReader::Read(PublishSnapshotPart part, Instant now) {
  PublishNews news;
  if (part.node != node_ || part.parts == 0 || part.parts > limits_.snapshot_parts_max ||
      part.part >= part.parts) {
    news.verdict = PublishVerdict::kRefused;
    return news;
  }
  if (!EnterEpoch(part.epoch, news, now)) return news;
  const bool another = snapshot_ && part.through == snapshot_->through &&
                       part.parts != snapshot_->seen.size();  // of the same moment, cut differently
  const bool newer =
      snapshot_ ? part.through > snapshot_->through || another : part.through > state_.applied;
  // Also wanted where it says nothing new: it was asked for, and the answer is all there is.
  const bool wanted = newer || (!snapshot_ && asked_ && part.through == state_.applied);
  if (wanted) {
    snapshot_ = Snapshot{part.through, std::vector<bool>(part.parts, false), part.parts};
    news.forget_first = true;
  }
  const bool known = !snapshot_ || part.through != snapshot_->through || snapshot_->seen[part.part];
  if (known) {
    news.verdict = PublishVerdict::kRepeated;
    return news;
  }
  snapshot_->seen[part.part] = true;
  for (const HeldBlock& block : part.blocks) {
    news.changes.push_back({block, BlockChangeKind::kPublished});
  }
  if (part.through >= state_.announced) {
    state_.announced = part.through;
    state_.blocks_held = part.blocks_held;
  }
  if (--snapshot_->missing == 0) {
    state_.applied = snapshot_->through;
    snapshot_.reset();
    early_.erase(early_.begin(), early_.upper_bound(state_.applied));
    TakeEarly(news);
  }
  SettleGap(now);
  return news;
}

// False: a word of an earlier life.
bool PublishReader::EnterEpoch(Epoch epoch, PublishNews& news, Instant now) {
  if (met_ && epoch < state_.epoch) {
    news.verdict = PublishVerdict::kOldEpoch;
    return false;
  }
  if (!met_ || epoch > state_.epoch) {
    news.forget_first = met_;
    met_ = true;
    state_ = PublishState{.epoch = epoch};
    early_.clear();
    snapshot_.reset();
    gap_since_.reset();
    asked_.reset();
  }
  state_.heard = std::max(state_.heard, now);
  return true;
}

void PublishReader::Keep(PublishBatch batch, PublishNews& news, Instant now) {
  news.verdict =
      early_.contains(batch.sequence) ? PublishVerdict::kRepeated : PublishVerdict::kEarly;
  if (news.verdict == PublishVerdict::kRepeated) return;
  const bool hopeless = batch.sequence - state_.applied > limits_.early_batches_max + 1;
  if (early_.size() < limits_.early_batches_max) early_.emplace(batch.sequence, std::move(batch));
  // So far behind that reordering cannot be the reason.
  if (hopeless && !asked_) news.resync = Ask(now);
}

void PublishReader::TakeEarly(PublishNews& news) {
  while (!early_.empty() && early_.begin()->first == state_.applied + 1) {
    std::vector<BlockChange>& changes = early_.begin()->second.changes;
    news.changes.insert(news.changes.end(), std::make_move_iterator(changes.begin()),
                        std::make_move_iterator(changes.end()));
    ++state_.applied;
    early_.erase(early_.begin());
    gap_since_.reset();  // this gap is closed; another one begins to wait now
  }
}

void PublishReader::SettleGap(Instant now) {
  if (!behind()) {
    gap_since_.reset();
    asked_.reset();
  } else if (!gap_since_) {
    gap_since_ = now;
  }
  state_.resync_pending = asked_.has_value();
}

ResyncRequest PublishReader::Ask(Instant now) {
  asked_ = now;
  state_.resync_pending = true;
  ResyncRequest request{.node = node_, .epoch = state_.epoch};
  if (!snapshot_) request.have = state_.applied;
  return request;
}

std::optional<ResyncRequest> PublishReader::Tick(Instant now) {
  const std::optional<Instant> due = NextDeadline();
  if (!due || now < *due) return std::nullopt;
  return Ask(now);
}

std::optional<Instant> PublishReader::NextDeadline() const {
  if (asked_) return *asked_ + limits_.resync_retry;
  if (gap_since_) return *gap_since_ + limits_.reorder_wait;
  return std::nullopt;
}

}  // namespace cairn
