// The workers of a simulated cluster: what happens to them, and what they want.
#include "tests/sim/cluster/cluster_sim.h"

namespace cairn::sim {

void ClusterSim::Happen(EndStep& end) {
  Worker& at = workers_[end.worker];
  if (!at.node || at.life != end.life) return;
  if (!at.node->machine().EndStep(now_, hostile_)) requests_.OnStepFailed();
  ActWorker(end.worker);
}

void ClusterSim::Happen(EndMove& end) {
  Worker& at = workers_[end.worker];
  if (!at.node || at.life != end.life) return;
  at.node->machine().EndMove(end.move, now_, hostile_);
  ActWorker(end.worker);
}

void ClusterSim::Happen(EndSend& end) {
  Worker& at = workers_[end.worker];
  if (!at.node || at.life != end.life) return;
  PostToPeer(end.worker, end.send.to.node, at.node->EndSend(end.send, now_));
  ActWorker(end.worker);
}

void ClusterSim::Happen(ReachWorker& reach) {
  Worker& at = workers_[reach.worker];
  if (!at.node) return;
  at.node->Hear(reach.from, std::move(reach.packet), now_);
  ActWorker(reach.worker);
}

void ClusterSim::Happen(ReachPeer& reach) {
  Worker& at = workers_[reach.worker];
  if (!at.node) return;
  at.node->Hear(std::move(reach.packet), now_, hostile_);
  ActWorker(reach.worker);
}

void ClusterSim::ActWorker(uint32_t worker) {
  Worker& at = workers_[worker];
  WorkerNode::Turn turn = at.node->Act(now_);
  CarryOut(worker, turn);
  at.node->machine().Check(hostile_);
}

void ClusterSim::CarryOut(uint32_t worker, WorkerNode::Turn& turn) {
  const Worker& at = workers_[worker];
  if (turn.machine.step_ends_in) {
    At(*turn.machine.step_ends_in * at.step_percent / 100, EndStep{worker, at.life});
  }
  for (const auto& [ends_in, move] : turn.machine.moves_end_in) {
    At(ends_in, EndMove{worker, at.life, move});
  }
  for (auto& [scheduler, packet] : turn.packets) {
    if (const auto* word = std::get_if<PublishWord>(&packet)) {
      if (const auto* batch = std::get_if<PublishBatch>(word)) {
        for (const BlockChange& change : batch->changes) keys_.insert(change.block.key);
      }
    }
    const uint32_t number = NumberOfScheduler(scheduler);
    Post(worker, NodeOfScheduler(number), ReachScheduler{number, std::move(packet)});
  }
  for (const StartFetch& fetch : turn.fetches) {
    Log("worker ", worker, ": ", fetch.id, " asks ", fetch.source.node, " ", fetch.source.epoch,
        " for ", fetch.range.request, " blocks ", fetch.range.first, "+", fetch.range.blocks,
        " and ", fetch.range.partial_tokens);
    AimAt(fetch, worker);
  }
  for (SendBlocks& send : turn.sends) {
    At(Microseconds(prng_.Between(1, options_.transfer_us_max)),
       EndSend{worker, at.life, std::move(send)});
  }
  for (const auto& [peer, packet] : turn.to_peers) PostToPeer(worker, peer, packet);
}

void ClusterSim::PostToPeer(uint32_t worker, NodeId to, const ToPeer& packet) {
  const uint32_t peer = NumberOfWorker(to);
  const auto* message = std::get_if<PeerMessage>(&packet);
  const bool word = message != nullptr && std::holds_alternative<PeerWord>(message->body);
  if (!word) tally_.fetches_cut += network_.IsCut(worker, peer);
  Post(worker, peer, ReachPeer{peer, packet});
}

void ClusterSim::TakeCounts(const WorkerNode& node) {
  tally_.snapshots += node.snapshots();
  tally_.found_by_asking += node.found_by_asking();
  tally_.fetches += node.fetches().begun;
  tally_.fetches_empty += node.fetches().empty;
  tally_.fetches_stale += node.fetches().stale;
  tally_.blocks_fetched += node.machine().core().store().counts().fetched;
  tally_.prefixes += node.machine().core().prefix_fetches();
}

}  // namespace cairn::sim
