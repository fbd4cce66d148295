#include "tests/sim/cluster/worker_node.h"

#include <algorithm>

#include "tests/sim/violation.h"

namespace cairn::sim {
namespace {

// The machine of this worker: as the others, but for its chunk.
SimOptions MachineOf(const ClusterSimOptions& options, NodeId node) {
  SimOptions machine = options.machine;
  machine.worker.prompt_chunk = options.PostOf(node).prompt_chunk;
  return machine;
}

}  // namespace

WorkerNode::WorkerNode(const ClusterSimOptions& options, NodeLife self, Prng& prng,
                       SimMachine::Log log)
    : self_(self),
      options_(MachineOf(options, self.node)),
      misplaced_chance_(options.misplaced_chance),
      prng_(prng),
      machine_(options_, prng, std::move(log)),
      links_(self.node, self.epoch, options.PostOf(self.node).role,
             options.PostOf(self.node).prompt_chunk, options.link),
      peers_(self, options.answer_max),
      may_skip_(options.publish.pending_changes_max < 1000) {
  machine_.core().StartPublishing(self.node, self.epoch, options.publish);
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

// On its way a block may come into the place of another one of the same answer.
void WorkerNode::Hear(ToPeer packet, Instant now, bool hostile) {
  if (const auto* message = std::get_if<PeerMessage>(&packet)) {
    std::optional<WorkerEvent> event = peers_.Hear(*message);
    if (!event) return;
    Demand(message->to == self_, "lives", self_.node, " ", self_.epoch, " takes what ",
           message->from.node, " said to its ", message->to.epoch);
    fetches_.empty += std::holds_alternative<FetchFinished>(*event);
    return machine_.Tell(*std::move(event), now);
  }
  auto& [from, to, id, blocks] = std::get<PeerBlocks>(packet);
  const std::optional<StartFetch> fetch = peers_.Take(from, to, id);
  if (!fetch) {
    ++fetches_.stale;
    return;
  }
  Demand(to == self_ && from == fetch->source, "lives", self_.node, " ", self_.epoch,
         " takes blocks that ", from.node, " ", from.epoch, " sent to its ", to.epoch);
  const size_t full = std::min<size_t>(fetch->range.blocks, blocks.size());
  if (hostile && full > 1 && prng_.Chance(misplaced_chance_)) {
    std::swap(blocks[0], blocks[1 + prng_.Below(full - 1)]);
  }
  machine_.EndFetch(*fetch, blocks, now, hostile);
}

void WorkerNode::Beat(Instant now) {
  Tell(links_.Tick(now), now);
  for (FetchFinished& over : peers_.Tick(now)) {
    ++fetches_.empty;
    machine_.Tell(std::move(over), now);
  }
  machine_.core().Tick(now);
  const PublishBatch beat = machine_.core().announcer()->Beat();
  for (const NodeId scheduler : schedulers_) answers_.emplace_back(scheduler, beat);
}

void WorkerNode::Tell(std::vector<Assignment> heard, Instant now) {
  for (Assignment& assignment : heard) {
    NoteGiven(assignment);
    std::visit([&](auto& one) { machine_.Tell(std::move(one), now); }, assignment);
  }
}

WorkerNode::Turn WorkerNode::Act(Instant now) {
  Turn turn{.machine = machine_.Act(), .packets = std::exchange(answers_, {})};
  for (WorkerAction& action : std::exchange(turn.machine.to_peers, {})) {
    if (auto* send = std::get_if<SendBlocks>(&action)) {
      turn.sends.push_back(std::move(*send));
    } else if (auto* fetch = std::get_if<StartFetch>(&action)) {
      ++fetches_.begun;
      peers_.Send(*fetch, now);
      turn.fetches.push_back(std::move(*fetch));
    } else if (const auto* refuse = std::get_if<RefuseBlocks>(&action)) {
      peers_.Send(*refuse);
    } else {
      peers_.Send(std::get<TellPeer>(action));
    }
  }
  for (PeerMessage& message : peers_.TakeMessages()) {
    turn.to_peers.emplace_back(message.to.node, std::move(message));
  }
  Publish(turn.packets);
  for (const Report& report : std::exchange(turn.machine.reports, {})) {
    CheckAnswer(report);
    links_.Send(report, now);
  }
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

// A block of a prompt may be promised while it can be found, or while somebody is here who was
// given that prompt.
void WorkerNode::NoteGiven(const Assignment& assignment) {
  if (const auto* assign = std::get_if<Assign>(&assignment)) {
    BlockChain chain({.model = SimModel(),
                      .salt = assign->request.cache_salt,
                      .block_tokens = options_.store.block_tokens});
    chain.Append(assign->request.prompt);
    std::set<BlockKey>& keys = given_[assign->request.id];
    for (uint32_t block = 0; block < chain.full_blocks(); ++block) keys.insert(chain.key(block));
  } else if (const auto* ask = std::get_if<Ask>(&assignment)) {
    std::pair<uint32_t, uint32_t>& range = asked_[ask->request];
    range = {};
    bool gap = false;  // what is behind it is of no use
    for (const PrefixMark& mark : ask->marks) {
      const BlockKey key{mark.key_high, mark.key_low};
      gap |= !machine_.core().store().copies().FindKey(key);
      if (!gap) range = {mark.blocks, mark.blocks};
      for (const auto& [request, keys] : given_) {
        if (keys.contains(key)) range.second = mark.blocks;
      }
    }
  }
}

void WorkerNode::CheckAnswer(const Report& report) {
  if (const auto* answer = std::get_if<AskAnswered>(&report)) {
    const auto asked = asked_.extract(answer->request);
    Demand(!asked.empty(), "answer_truth", answer->request, ": nobody has asked");
    const auto [least, most] = asked.mapped();
    Demand(least <= answer->blocks && answer->blocks <= most, "answer_truth", answer->request,
           " would find ", answer->blocks, " blocks of its prompt, it is said, and not ", least,
           " to ", most);
    found_by_asking_ += answer->blocks;
  } else if (const auto* ended = std::get_if<RequestEnded>(&report)) {
    given_.erase(ended->request);
  } else if (const auto* yielded = std::get_if<Yielded>(&report)) {
    given_.erase(yielded->request);
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

}  // namespace cairn::sim
