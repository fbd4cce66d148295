#include "tests/sim/cluster/scheduler_node.h"

#include "tests/sim/violation.h"

namespace cairn::sim {

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
