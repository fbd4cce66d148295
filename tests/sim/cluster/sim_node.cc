#include "tests/sim/cluster/sim_node.h"

#include "tests/sim/violation.h"

namespace cairn::sim {

WorkerNode::WorkerNode(const ClusterSimOptions& options, NodeId node, Epoch life, Prng& prng,
                       SimMachine::Log log)
    : life_(life),
      machine_(options.machine, prng, std::move(log)),
      links_(node, life, options.machine.worker.step_tokens, options.link),
      may_skip_(options.publish.pending_changes_max < 1000) {
  machine_.core().StartPublishing(node, life, options.publish);
}

void WorkerNode::Hear(NodeId from, ToWorker packet, Instant now) {
  if (auto* message = std::get_if<LinkMessage<Assignment>>(&packet)) {
    Tell(links_.Hear(std::move(*message), now), now);
    return;
  }
  for (PublishWord& word : machine_.core().announcer()->Answer(std::get<ResyncRequest>(packet))) {
    snapshots_ += std::holds_alternative<PublishSnapshotPart>(word);
    answers_.emplace_back(from, std::move(word));
  }
}

void WorkerNode::Beat(Instant now) {
  Tell(links_.Tick(now), now);
  machine_.core().Tick(now);
  const PublishBatch beat = machine_.core().announcer()->Beat();
  for (const NodeId scheduler : schedulers_) answers_.emplace_back(scheduler, beat);
}

void WorkerNode::Tell(std::vector<Assignment> heard, Instant now) {
  for (Assignment& assignment : heard) {
    std::visit([&](auto& one) { machine_.Tell(std::move(one), now); }, assignment);
  }
}

WorkerNode::Turn WorkerNode::Act(Instant now) {
  Turn turn{.machine = machine_.Act(), .packets = std::exchange(answers_, {})};
  // Schedulers place no phases here: every worker is as good as another.
  Demand(turn.machine.to_peers.empty(), "plan_shape", "a word to another worker");
  Publish(turn.packets);
  for (const Report& report : std::exchange(turn.machine.reports, {})) links_.Send(report, now);
  CheckStopped();
  for (LinkMessage<Report>& message : links_.TakeMessages(now)) {
    const NodeId scheduler = message.id.scheduler;
    turn.packets.emplace_back(scheduler, std::move(message));
  }
  return turn;
}

// What a scheduler has given up on runs here no longer than the step that it is in.
void WorkerNode::CheckStopped() {
  const uint64_t steps = machine_.core().load().steps;
  for (const NodeId scheduler : schedulers_) {
    if (!links_.draining(scheduler)) {
      draining_since_.erase(scheduler);
      continue;
    }
    const uint64_t since = draining_since_.emplace(scheduler, steps).first->second;
    Demand(steps <= since + 1, "told_to_stop", "requests of ", scheduler,
           " run on after its session is over");
  }
}

// Whoever hears every batch knows at this moment what can be found here, no more and no less.
void WorkerNode::Publish(std::vector<std::pair<NodeId, ToScheduler>>& packets) {
  for (const PublishBatch& batch : machine_.core().announcer()->TakeBatches()) {
    for (const auto& [block, kind] : batch.changes) {
      const std::tuple copy(block.key, block.tier, block.depth);
      if (kind == BlockChangeKind::kPublished) {
        announced_.insert(copy);
      } else {
        announced_.erase(copy);
      }
    }
    for (const NodeId scheduler : schedulers_) packets.emplace_back(scheduler, batch);
  }
  if (may_skip_) return;
  Found found;
  machine_.core().store().copies().VisitFound(
      [&](const FoundCopy& copy) { found.emplace(copy.key, copy.tier, copy.depth); });
  Demand(announced_ == found, "publish_truth", announced_.size(), " copies are announced and ",
         found.size(), " can be found");
}

void SchedulerNode::Hear(ToScheduler packet, Instant now) {
  if (auto* message = std::get_if<LinkMessage<Report>>(&packet)) {
    return Tell(links_.Hear(std::move(*message), now), now);
  }
  PublishWord& word = std::get<PublishWord>(packet);
  if (auto* batch = std::get_if<PublishBatch>(&word)) {
    core_.Handle(BlocksPublished{std::move(*batch)}, now);
  } else {
    core_.Handle(BlocksListed{std::move(std::get<PublishSnapshotPart>(word))}, now);
  }
}

void SchedulerNode::Tell(const std::vector<SchedulerEvent>& events, Instant now) {
  for (const SchedulerEvent& event : events) {
    if (const auto* joined = std::get_if<WorkerJoined>(&event)) {
      ++joins_;
      if (log_) log_(Text(joined->worker, " ", joined->epoch, " has joined"));
    } else if (const auto* lost = std::get_if<WorkerLost>(&event)) {
      if (log_) log_(Text(lost->worker, " ", lost->epoch, " is lost"));
    }
    core_.Handle(event, now);
  }
}

void SchedulerNode::Beat(Instant now) {
  Tell(links_.Tick(now), now);
  core_.Handle(TimePassed{}, now);
}

SchedulerNode::Turn SchedulerNode::Act(Instant now) {
  Turn turn;
  for (SchedulerAction& action : core_.TakeActions()) {
    if (auto* send = std::get_if<SendAssignment>(&action)) {
      links_.Send(*send);
    } else if (const auto* ask = std::get_if<AskResync>(&action)) {
      turn.packets.emplace_back(ask->request.node, ask->request);
      continue;
    }
    turn.actions.push_back(std::move(action));
  }
  for (LinkMessage<Assignment>& message : links_.TakeMessages(now)) {
    const NodeId worker = message.id.worker;
    turn.packets.emplace_back(worker, std::move(message));
  }
  return turn;
}

}  // namespace cairn::sim
