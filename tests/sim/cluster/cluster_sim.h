// A whole cluster in virtual time against a hostile world: schedulers and workers, the production
// cores with their link sessions and stores, over a network that loses, repeats, delays, reorders
// and cuts, while processes die and come back under new lives. In some runs workers have roles and
// hand requests over to each other, by the same network. A run is a function of its options.
//
// It has three parts. While the world is hostile requests arrive and everything happens. Then it
// heals: the dead come back, nothing is lost any more, and every request must end. At last all is
// quiet: no slot, lease or word may be left, and directories must know what stores hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kvstore/base/prng.h"
#include "tests/sim/checker/handoff_watch.h"
#include "tests/sim/checker/request_checker.h"
#include "tests/sim/cluster/cluster_options.h"
#include "tests/sim/cluster/cluster_tally.h"
#include "tests/sim/cluster/scheduler_node.h"
#include "tests/sim/cluster/sim_network.h"
#include "tests/sim/cluster/worker_node.h"
#include "tests/sim/violation.h"
#include "tests/sim/workload/sim_clients.h"

namespace cairn::sim {

struct ClusterSimResult {
  std::string checker;  // the one whose invariant broke; empty: PASSED
  std::string what;
  uint64_t events = 0;
  ClusterTally tally;

  bool passed() const { return checker.empty(); }
};

class ClusterSim {
 public:
  // `log` hears one line for every event, if given.
  explicit ClusterSim(const ClusterSimOptions& options,
                      std::function<void(const std::string&)> log = {});

  ClusterSimResult Run();

 private:
  struct Arrive {};
  struct ClientWord {  // a cancel or a stop
    SchedulerEvent event;
    RequestId request;
  };
  struct EndStep {
    uint32_t worker;
    Epoch life;
  };
  struct EndMove {
    uint32_t worker;
    Epoch life;
    Move move;
  };
  struct EndSend {
    uint32_t worker;
    Epoch life;
    SendBlocks send;
  };
  struct ReachScheduler {
    uint32_t scheduler;
    ToScheduler packet;
  };
  struct ReachWorker {
    uint32_t worker;
    NodeId from;
    ToWorker packet;
  };
  struct ReachPeer {
    uint32_t worker;
    ToPeer packet;
  };
  struct BeatOf {
    uint32_t node;  // schedulers come after the workers
  };
  struct Kill {
    uint32_t node;
  };
  struct Return {
    uint32_t node;
  };
  struct Cut {  // of the link between two nodes
    uint32_t one, other;
    bool forth, back;
  };
  struct Mend {
    Cut cut;
  };
  struct Tune {  // a worker is for something else from now on
    uint32_t worker;
  };
  struct LookAfter {};  // whoever tunes tells schedulers that believe something else
  struct Heal {};
  using Happening =
      std::variant<Arrive, ClientWord, EndStep, EndMove, EndSend, ReachScheduler, ReachWorker,
                   ReachPeer, BeatOf, Kill, Return, Cut, Mend, Tune, LookAfter, Heal>;

  struct Worker {
    std::unique_ptr<WorkerNode> node;  // null: dead
    Epoch life;
    int64_t step_percent = 100;
    std::optional<WorkerPost> tuned;  // whatever it greets with
  };
  struct Scheduler {
    std::unique_ptr<SchedulerNode> node;  // null: dead
    Epoch life;
    std::set<RequestId> requests;  // open
  };

  // Clients and schedulers, in cluster_sim.cc.
  void Happen(Arrive&);
  void Happen(ClientWord& word);
  void Happen(ReachScheduler& reach);
  void ActScheduler(uint32_t scheduler);
  void CarryOut(uint32_t scheduler, SchedulerAction& action);
  void Deliver(uint32_t scheduler, const DeliverWord& deliver);
  void CheckConservation(uint32_t scheduler) const;

  // Workers, in cluster_workers.cc.
  void Happen(EndStep& end);
  void Happen(EndMove& end);
  void Happen(EndSend& end);
  void Happen(ReachWorker& reach);
  void Happen(ReachPeer& reach);
  void ActWorker(uint32_t worker);
  void CarryOut(uint32_t worker, WorkerNode::Turn& turn);
  void PostToPeer(uint32_t worker, NodeId to, const ToPeer& packet);
  void TakeCounts(const WorkerNode& node);  // of a life that is over

  // What the world does to them, in cluster_world.cc.
  void DrawWorld();
  void Happen(BeatOf& beat);
  void Happen(Kill& kill);
  void Happen(Return& comes);
  void Happen(Cut& cut);
  void Happen(Mend& mend);
  void Happen(Tune& tune);
  void Happen(LookAfter&);
  void Happen(Heal&);
  void BringUp(uint32_t node);
  void KillSoon(uint32_t node, Duration soon, Duration outage);
  void AimAt(const StartFetch& fetch, uint32_t target);
  Duration DrawOutage() { return Microseconds(prng_.Between(1, options_.outage_us_max)); }

  bool IsTuned(const SchedulerCore& core, uint32_t worker) const;

  // What must be true at the end, in cluster_end.cc.
  bool IsQuiet() const;
  void DemandQuiet();
  void DemandDirectories();

  void Post(uint32_t from, uint32_t to, const Happening& arrival);
  void At(Duration from_now, Happening happening);
  static NodeId WorkerId(uint32_t worker) { return NodeId(worker + 1); }
  static NodeId SchedulerId(uint32_t scheduler) { return NodeId(scheduler + 101); }
  static uint32_t NumberOfWorker(NodeId node) { return node.value() - 1; }
  static uint32_t NumberOfScheduler(NodeId node) { return node.value() - 101; }
  // Schedulers come after the workers.
  uint32_t NodeOfScheduler(uint32_t scheduler) const {
    return scheduler + static_cast<uint32_t>(workers_.size());
  }
  bool IsScheduler(uint32_t node) const { return node >= workers_.size(); }
  uint32_t SchedulerOf(uint32_t node) const {
    return node - static_cast<uint32_t>(workers_.size());
  }
  std::string NameOf(uint32_t node) const {
    return IsScheduler(node) ? Text("scheduler ", SchedulerOf(node)) : Text("worker ", node);
  }
  template <typename... Parts>
  void Log(const Parts&... parts) {
    if (log_) log_(Text(now_, " ", parts...));
  }

  const ClusterSimOptions options_;
  std::function<void(const std::string&)> log_;
  Prng prng_;
  SimClients clients_;
  RequestChecker requests_;
  HandoffWatch handoffs_;
  SimNetwork network_;
  std::vector<Worker> workers_;
  std::vector<Scheduler> schedulers_;
  std::set<RequestId> given_;  // to some worker
  std::set<BlockKey> keys_;    // that were ever held

  Instant now_;
  uint64_t happenings_ = 0;
  std::map<std::pair<Instant, uint64_t>, Happening> agenda_;
  uint32_t to_arrive_ = 0;
  Duration trouble_;  // how long the world is hostile
  bool hostile_ = true;
  uint32_t kills_to_aim_ = 0;
  uint32_t cuts_to_aim_ = 0;
  ClusterTally tally_;
};

}  // namespace cairn::sim
