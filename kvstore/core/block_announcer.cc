#include "kvstore/core/block_announcer.h"

#include <optional>
#include <utility>
#include <variant>

namespace cairn {

BlockAnnouncer::BlockAnnouncer(CopyTable& copies, NodeId node, Epoch epoch,
                               const PublishLimits& limits)
    : copies_(copies), log_(node, epoch, limits) {
  copies.SetWitness(*this);
}

std::vector<PublishBatch> BlockAnnouncer::TakeBatches() {
  std::vector<PublishBatch> batches;
  while (std::optional<PublishBatch> batch = log_.CutBatch(copies_.found_blocks())) {
    batches.push_back(*std::move(batch));
  }
  return batches;
}

std::vector<PublishWord> BlockAnnouncer::Answer(const ResyncRequest& request) const {
  ResyncAnswer answer = log_.Answer(request);
  if (auto* missing = std::get_if<std::vector<PublishBatch>>(&answer)) {
    return {missing->begin(), missing->end()};
  }
  std::vector<HeldBlock> held;
  copies_.VisitFound([&held](const FoundCopy& copy) { held.push_back(HeldOf(copy)); });
  const std::vector<PublishSnapshotPart> parts = log_.Snapshot(held, copies_.found_blocks());
  return {parts.begin(), parts.end()};
}

}  // namespace cairn
