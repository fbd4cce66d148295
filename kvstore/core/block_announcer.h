// What one node tells the cluster of the blocks it holds: writes down every copy that becomes ready
// or goes (kvstore/tier/copy_witness.h), and cuts numbered batches of it. Whoever carries them
// sends them before it carries out what the store or the worker wants done next: a copy is
// announced after its bytes are there (I2), and taken back before its slot is written again (I3).
#pragma once

#include <cstdint>
#include <vector>

#include "kvstore/directory/publish_log.h"
#include "kvstore/tier/copy_table.h"

namespace cairn {

class BlockAnnouncer final : public CopyWitness {
 public:
  // `copies` outlives this and holds nothing yet.
  BlockAnnouncer(CopyTable& copies, NodeId node, Epoch epoch, const PublishLimits& limits = {});
  BlockAnnouncer(const BlockAnnouncer&) = delete;
  BlockAnnouncer& operator=(const BlockAnnouncer&) = delete;

  void OnReady(const FoundCopy& copy) override { log_.Published(HeldOf(copy)); }
  void OnGone(const FoundCopy& copy) override { log_.Removed(HeldOf(copy)); }

  // All that has changed since the last call, for every reader.
  std::vector<PublishBatch> TakeBatches();
  // For quiet times: which batch was the last.
  PublishBatch Beat() const { return log_.Beat(copies_.found_blocks()); }
  // For the reader that asked: the batches it has missed, or all that is held.
  std::vector<PublishWord> Answer(const ResyncRequest& request) const;

  uint64_t told_through() const { return log_.told_through(); }

 private:
  static HeldBlock HeldOf(const FoundCopy& copy) { return {copy.key, copy.depth, copy.tier}; }

  const CopyTable& copies_;
  PublishLog log_;
};

}  // namespace cairn
