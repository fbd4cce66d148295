// One life of one worker of the simulated cluster, with its store, its links to schedulers and its
// talk with other workers. Messages and time in, packets out. Another life is another object.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "kvstore/base/link_session.h"
#include "kvstore/directory/publish_log.h"
#include "tests/sim/cluster/cluster_options.h"
#include "tests/sim/sim_machine.h"
#include "worker/core/peer_talk.h"
#include "worker/core/scheduler_links.h"

namespace cairn::sim {

// Blocks on the wire, in answer to a fetch.
struct PeerBlocks {
  NodeLife from;
  NodeLife to;
  FetchId fetch;
  std::vector<SentBlock> blocks;
};

using ToScheduler = std::variant<LinkMessage<Report>, PublishWord>;
using ToWorker = std::variant<LinkMessage<Assignment>, ResyncRequest>;  // from a scheduler
using ToPeer = std::variant<PeerMessage, PeerBlocks>;                   // from another worker

class WorkerNode {
 public:
  struct Turn {
    MachineTurn machine;  // its reports and words are taken already
    std::vector<std::pair<NodeId, ToScheduler>> packets;
    std::vector<StartFetch> fetches;  // have begun; what is said of them is in `to_peers`
    std::vector<SendBlocks> sends;    // have begun: EndSend some time later
    std::vector<std::pair<NodeId, ToPeer>> to_peers;
  };
  // How its fetches went.
  struct FetchTally {
    uint64_t begun = 0;
    uint64_t empty = 0;  // came back without blocks: refused, or given up
    uint64_t stale = 0;  // blocks that nobody waited for any more
  };

  WorkerNode(const ClusterSimOptions& options, NodeLife self, Prng& prng, SimMachine::Log log);

  void Meet(NodeId scheduler, Instant now) {
    schedulers_.push_back(scheduler);
    links_.Meet(scheduler, now);
  }
  void Hear(NodeId from, ToWorker packet, Instant now);
  void Hear(ToPeer packet, Instant now, bool hostile);
  void Beat(Instant now);  // time has passed
  Turn Act(Instant now);
  PeerBlocks EndSend(const SendBlocks& send, Instant now) {
    return {self_, send.to, send.fetch, machine_.EndSend(send, now)};
  }

  SimMachine& machine() { return machine_; }
  const SimMachine& machine() const { return machine_; }
  const SchedulerLinks& links() const { return links_; }
  uint64_t told_through() { return machine_.core().announcer()->told_through(); }
  uint64_t snapshots() const { return snapshots_; }
  const FetchTally& fetches() const { return fetches_; }
  uint64_t found_by_asking() const { return found_by_asking_; }
  NodeLife self() const { return self_; }

 private:
  using Found = std::set<std::tuple<BlockKey, Tier, uint32_t>>;

  void Tell(std::vector<Assignment> heard, Instant now);
  void Publish(std::vector<std::pair<NodeId, ToScheduler>>& packets);
  void CheckStopped();
  void NoteGiven(const Assignment& assignment);
  void CheckAnswer(const Report& report);

  const NodeLife self_;
  const SimOptions options_;
  const double misplaced_chance_;
  Prng& prng_;
  SimMachine machine_;
  SchedulerLinks links_;
  PeerTalk peers_;
  std::vector<NodeId> schedulers_;
  std::map<NodeId, uint64_t> draining_since_;  // step
  std::vector<std::pair<NodeId, ToScheduler>> answers_;
  Found announced_;        // by all batches so far
  bool may_skip_ = false;  // so many changes wait at once that the log gives up on some
  uint64_t snapshots_ = 0;
  FetchTally fetches_;
  // What a question may be answered with: the least and the most blocks, when it was asked.
  std::map<RequestId, std::pair<uint32_t, uint32_t>> asked_;
  std::map<RequestId, std::set<BlockKey>> given_;  // prompts that are not known to be computed
  uint64_t found_by_asking_ = 0;
};

}  // namespace cairn::sim
