// The cluster's block directory as one scheduler keeps it: the prefix index, fed by what nodes
// publish, and for each node how old and how complete its part is. A node that publishes nothing
// can be noted here by whoever saw what it computed (scheduler/core/shadow_cache.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "kvstore/directory/prefix_index.h"
#include "kvstore/directory/publish_log.h"

namespace cairn {

struct DirectoryLimits {
  PrefixIndexLimits index;
  PublishLimits publish;
};

// How much of one node is known, and how old that is.
struct DirectoryCoverage {
  Epoch epoch;
  Duration staleness;           // since its last word; zero if it has never spoken for itself
  bool speaks = false;          // has published anything in this epoch
  bool resync_pending = false;  // a gap was found and is not closed yet
  uint64_t blocks_known = 0;
  uint64_t blocks_forgotten = 0;  // for want of room here
  uint64_t blocks_held = 0;       // by its own last word; 0 if it has not spoken
  // Known share of what it holds, in millionths. A node that has not spoken is known as far as what
  // was noted of it is not forgotten.
  uint32_t known_ppm = 1'000'000;
};

class Directory {
 public:
  explicit Directory(const DirectoryLimits& limits = {});

  // A node's life begins: what is known of an earlier one is dropped. kNoHolder: too many lives at
  // once; it is not tracked before its next snapshot.
  HolderId Join(NodeId node, Epoch epoch);
  void Leave(NodeId node);
  HolderId HolderOf(NodeId node) const;  // kNoHolder: not in. May be another one after each Hear
  bool Speaks(NodeId node) const;        // it has published something in this life
  uint64_t Applied(NodeId node) const;   // its batches up to this one are known; 0: not in

  // A word of a node. Words of nodes or lives that are not in are ignored. A request that comes out
  // is to be sent to the node.
  std::optional<ResyncRequest> Hear(PublishBatch batch, Instant now);
  std::optional<ResyncRequest> Hear(PublishSnapshotPart part, Instant now);
  // Requests that are due: gaps that did not close, answers that did not come.
  std::vector<ResyncRequest> Tick(Instant now);

  std::optional<DirectoryCoverage> Coverage(NodeId node, Instant now) const;
  PrefixIndex& index() { return index_; }
  const PrefixIndex& index() const { return index_; }

 private:
  struct Source {
    Epoch epoch;
    HolderId holder = kNoHolder;
    PublishReader reader;
    bool speaks = false;
  };

  Source* Find(NodeId node, Epoch epoch);
  void Apply(Source& source, const PublishNews& news);

  const DirectoryLimits limits_;
  PrefixIndex index_;
  std::map<NodeId, Source> sources_;
};

}  // namespace cairn
