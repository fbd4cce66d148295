// How a node tells others which blocks it holds: numbered batches of what was published and
// removed. The node writes a PublishLog; whoever listens has one PublishReader for each node.
// Messages may be lost, repeated and reordered: the reader finds the gaps and asks for what is
// missing, and the node answers with the batches it still has or with a snapshot in parts. A block
// that is announced twice is held once, so that a snapshot and the batches after it may overlap.
//
// All of this is soft state (nothing a client was promised depends on it): how old and how complete
// it is can be read at any time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "kvstore/block/block_key.h"
#include "kvstore/block/tier.h"

namespace cairn {

// Every quantity has a limit. At those of the log, readers are made to ask for a snapshot; at those
// of the reader, it asks for one.
struct PublishLimits {
  uint32_t batch_changes_max = 1024;
  uint32_t pending_changes_max = 65536;  // not yet cut into batches
  uint32_t tail_batches_max = 64;        // kept by the node, to be sent again
  uint32_t early_batches_max = 16;       // kept by the reader, behind a gap
  uint32_t snapshot_part_blocks = 4096;
  uint32_t snapshot_parts_max = 65536;
  Duration reorder_wait = Milliseconds(100);  // a gap may close by itself for so long
  Duration resync_retry = Seconds(1);         // an unanswered request is repeated
};

// A copy on a node. `depth` is the block's position in its chain, 0 for a head: a directory that
// runs out of room forgets tails before heads.
struct HeldBlock {
  BlockKey key;
  uint32_t depth = 0;
  Tier tier = Tier::kDevice;
  friend bool operator==(const HeldBlock&, const HeldBlock&) = default;
};

enum class BlockChangeKind : uint8_t { kPublished, kRemoved };

struct BlockChange {
  HeldBlock block;
  BlockChangeKind kind = BlockChangeKind::kPublished;
  friend bool operator==(const BlockChange&, const BlockChange&) = default;
};

// Changes in the order in which they happened. Numbers start at 1 in every epoch. Without changes
// it says only that the node is alive and which batch was its last: `sequence` is then that one's.
struct PublishBatch {
  NodeId node;
  Epoch epoch;
  uint64_t sequence = 0;
  uint64_t blocks_held = 0;  // by the node, in any tier, after these changes
  std::vector<BlockChange> changes;
};

// Part `part` of `parts` of all that the node holds; every batch up to `through` is in it.
struct PublishSnapshotPart {
  NodeId node;
  Epoch epoch;
  uint64_t through = 0;
  uint32_t part = 0;
  uint32_t parts = 1;
  uint64_t blocks_held = 0;
  std::vector<HeldBlock> blocks;
};

// What a node says of what it holds.
using PublishWord = std::variant<PublishBatch, PublishSnapshotPart>;

// Send what comes after batch `have`, or a snapshot. Without `have`: a snapshot, for part of one is
// here and what was known before is gone.
struct ResyncRequest {
  NodeId node;
  Epoch epoch;
  std::optional<uint64_t> have;
};

struct SnapshotNeeded {};
using ResyncAnswer = std::variant<std::vector<PublishBatch>, SnapshotNeeded>;

// The node's side.
class PublishLog {
 public:
  PublishLog(NodeId node, Epoch epoch, const PublishLimits& limits = {});

  // Announces a copy that is there and complete (I2), or one that is gone.
  void Published(const HeldBlock& block) { Add({block, BlockChangeKind::kPublished}); }
  void Removed(const HeldBlock& block) { Add({block, BlockChangeKind::kRemoved}); }

  // The next batch to send to every reader; none if nothing has changed. Call until none.
  std::optional<PublishBatch> CutBatch(uint64_t blocks_held);
  // A batch without changes, for quiet times.
  PublishBatch Beat(uint64_t blocks_held) const;

  // The missing batches in order, if they are still here.
  ResyncAnswer Answer(const ResyncRequest& request) const;
  // All copies that the node holds, in parts. What is pending may be in it already.
  std::vector<PublishSnapshotPart> Snapshot(std::span<const HeldBlock> copies,
                                            uint64_t blocks_held) const;

  // Who has heard up to this batch has heard of all that happened until now.
  uint64_t told_through() const { return sequence_ + batches_pending(); }

 private:
  void Add(const BlockChange& change);
  uint64_t batches_pending() const {
    return (pending_.size() + limits_.batch_changes_max - 1) / limits_.batch_changes_max;
  }

  NodeId node_;
  Epoch epoch_;
  PublishLimits limits_;
  uint64_t sequence_ = 0;
  std::deque<BlockChange> pending_;
  std::deque<PublishBatch> tail_;
};

enum class PublishVerdict : uint8_t {
  kApplied,   // and perhaps earlier ones that had waited for it
  kEarly,     // kept until the gap before it is closed
  kRepeated,  // known already
  kOldEpoch,  // of an earlier life
  kRefused,   // no batch or part can look like this
};

// What a message means for whoever keeps the directory, to be carried out in this order.
struct PublishNews {
  PublishVerdict verdict = PublishVerdict::kApplied;
  bool forget_first = false;  // all that was known of this node
  std::vector<BlockChange> changes;
  std::optional<ResyncRequest> resync;  // to be sent
};

// How much of a node is known, as its reader sees it.
struct PublishState {
  Epoch epoch;
  Instant heard;                // the last word of this epoch
  uint64_t applied = 0;         // batches up to this one are known
  uint64_t announced = 0;       // batches up to this one exist
  uint64_t blocks_held = 0;     // by the node's last word
  bool resync_pending = false;  // asked for and not yet answered in full
  bool complete() const { return applied == announced && !resync_pending; }
};

// The listening side, for one node.
class PublishReader {
 public:
  explicit PublishReader(NodeId node, const PublishLimits& limits = {});

  PublishNews Read(PublishBatch batch, Instant now);
  PublishNews Read(PublishSnapshotPart part, Instant now);

  // Asks (again) for what has been missing for too long.
  std::optional<ResyncRequest> Tick(Instant now);
  std::optional<Instant> NextDeadline() const;

  const PublishState& state() const { return state_; }

 private:
  struct Snapshot {
    uint64_t through = 0;
    std::vector<bool> seen;
    uint32_t missing = 0;
  };

  bool EnterEpoch(Epoch epoch, PublishNews& news, Instant now);
  void Keep(PublishBatch batch, PublishNews& news, Instant now);
  void TakeEarly(PublishNews& news);
  void SettleGap(Instant now);
  ResyncRequest Ask(Instant now);
  bool behind() const { return state_.announced > state_.applied || snapshot_.has_value(); }

  const NodeId node_;
  const PublishLimits limits_;
  PublishState state_;
  bool met_ = false;
  std::map<uint64_t, PublishBatch> early_;
  std::optional<Snapshot> snapshot_;  // under way
  std::optional<Instant> gap_since_;
  std::optional<Instant> asked_;
};

}  // namespace cairn
