// What goes from worker to worker: words, and KV over their links.
#include <utility>
#include <variant>

#include "kvstore/base/check.h"
#include "scheduler/simulator/virtual_cluster.h"

namespace cairn {

WorkerJoined VirtualCluster::JoinOf(const WorkerOptions& options, const NodeLife& life) {
  const WorkerLimits& limits = options.limits;
  const uint32_t chunk = limits.prompt_chunk > 0 ? limits.prompt_chunk : limits.step_tokens;
  return {.worker = life.node,
          .epoch = life.epoch,
          .step_tokens = options.takes_prompts ? chunk : 0,
          .role = options.role};
}

void VirtualCluster::Change(const WorkerIsTuned& change) {
  WorkerOptions& options = nodes_[change.worker]->options;  // for its next life
  options.role = change.role;
  nodes_[change.worker]->record.role = change.role;
  options.takes_prompts = change.prompt_chunk > 0;
  if (options.takes_prompts) options.limits.prompt_chunk = change.prompt_chunk;
  for (uint32_t s = 0; s < schedulers_.size(); ++s) {
    schedulers_[s]->core.Handle(
        WorkerTuned{NodeOf(change.worker), change.role, change.prompt_chunk}, now_);
    CarryOut(s);
  }
}

void VirtualCluster::CarryToPeer(uint32_t worker, WorkerAction&& action) {
  const NodeLife self = LifeOf(worker);
  if (auto* tell = std::get_if<TellPeer>(&action)) {
    Say(tell->to, PeerSaid{self, tell->word});
  } else if (auto* fetch = std::get_if<StartFetch>(&action)) {
    Say(fetch->source, BlocksAsked{self, fetch->id, fetch->range, std::move(fetch->keys)});
  } else if (auto* refuse = std::get_if<RefuseBlocks>(&action)) {
    Say(refuse->to, FetchFinished{refuse->fetch, {}});
  } else {
    SendBlocks& send = std::get<SendBlocks>(action);
    const uint64_t tokens =
        uint64_t{send.range.blocks} * nodes_[worker]->options.store.block_tokens +
        send.range.partial_tokens;
    const Instant ends = links_.Carry(worker, WorkerOf(send.to.node), tokens, now_);
    const uint32_t place = transfers_.Open();
    transfers_.at(place) = {self, std::move(send)};
    agenda_.Add(ends, TransferEnds{place});
  }
}

void VirtualCluster::Say(NodeLife to, WorkerEvent event) {
  const uint32_t place = to_peers_.Open();
  to_peers_.at(place) = {to, std::move(event)};
  agenda_.Add(now_ + links_.delay(), ReachPeer{place});
}

void VirtualCluster::Happen(const ReachPeer& reach) {
  ToPeer message = std::move(to_peers_.at(reach.message));
  to_peers_.Close(reach.message);
  if (VirtualWorker* worker = Alive(message.to)) {
    return Attend(WorkerOf(message.to.node), worker->Hear(std::move(message.event), now_));
  }
  // Who asks a worker that is gone hears of that.
  if (const auto* asked = std::get_if<BlocksAsked>(&message.event)) {
    Say(asked->from, FetchFinished{asked->fetch, {}});
  }
}

void VirtualCluster::Happen(const TransferEnds& end) {
  const Transfer transfer = std::move(transfers_.at(end.transfer));
  transfers_.Close(end.transfer);
  const SendBlocks& send = transfer.send;
  std::vector<ArrivedBlock> blocks;
  VirtualWorker* source = Alive(transfer.from);
  if (source != nullptr) {
    // Nothing is copied, so all checksums are equal.
    for (const BlockKey& key : send.keys) blocks.push_back({.key = key});
    if (send.range.partial_tokens > 0) blocks.emplace_back();
    Attend(WorkerOf(transfer.from.node), source->Hear(BlocksSent{send.id}, now_));
  }
  if (VirtualWorker* target = Alive(send.to)) {
    nodes_[WorkerOf(send.to.node)]->record.blocks_fetched += blocks.size();
    Attend(WorkerOf(send.to.node),
           target->Hear(FetchFinished{send.fetch, std::move(blocks)}, now_));
  }
}

void VirtualCluster::Happen(const WorkerTicks& tick) {
  nodes_[tick.worker]->tick.reset();
  if (VirtualWorker* worker = Alive(LifeOf(tick.worker))) Attend(tick.worker, worker->Tick(now_));
}

}  // namespace cairn
