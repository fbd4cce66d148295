// A whole cluster in virtual time against a hostile world: schedulers and workers, the production
// cores with their link sessions and stores, over a network that loses, repeats, delays, reorders
// and cuts, while processes die and come back under new lives. A run is a function of its options.
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
#include "tests/sim/checker/request_checker.h"
#include "tests/sim/cluster/cluster_options.h"
#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/workload/sim_clients.h"

namespace cairn::sim {

// How often a run went where it is dangerous.
struct ClusterTally {
  uint64_t kills = 0;
  uint64_t cuts = 0;
  uint64_t joins = 0;       // of workers with schedulers, the first ones included
  uint64_t runs_again = 0;  // requests given to another worker, or once more to the same
  uint64_t cut_off = 0;     // requests whose scheduler died
  uint64_t shed = 0;
  uint64_t moved = 0;  // between lines
  uint64_t resyncs = 0;
  uint64_t snapshots = 0;  // parts
  uint64_t hit_tokens = 0;
  uint64_t lost = 0, repeated = 0;  // messages

  ClusterTally& operator+=(const ClusterTally& other);
};

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
  struct ReachScheduler {
    uint32_t scheduler;
    ToScheduler packet;
  };
  struct ReachWorker {
    uint32_t worker;
    NodeId from;
    ToWorker packet;
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
  struct Cut {
    uint32_t link;
    bool up, down;
  };
  struct Mend {
    uint32_t link;
  };
  struct Heal {};
  using Happening = std::variant<Arrive, ClientWord, EndStep, EndMove, ReachScheduler, ReachWorker,
                                 BeatOf, Kill, Return, Cut, Mend, Heal>;

  struct Worker {
    std::unique_ptr<WorkerNode> node;  // null: dead
    Epoch life;
    int64_t step_percent = 100;
  };
  struct Scheduler {
    std::unique_ptr<SchedulerNode> node;  // null: dead
    Epoch life;
    std::set<RequestId> requests;  // open
  };
  struct Link {
    uint32_t cut_up = 0, cut_down = 0;  // by so many cuts
  };

  void DrawWorld();
  void Happen(Arrive&);
  void Happen(ClientWord& word);
  void Happen(EndStep& end);
  void Happen(EndMove& end);
  void Happen(ReachScheduler& reach);
  void Happen(ReachWorker& reach);
  void Happen(BeatOf& beat);
  void Happen(Kill& kill);
  void Happen(Return& comes);
  void Happen(Cut& cut);
  void Happen(Mend& mend);
  void Happen(Heal&);

  void BringUp(uint32_t node);
  void ActWorker(uint32_t worker);
  void ActScheduler(uint32_t scheduler);
  void CarryOut(uint32_t scheduler, SchedulerAction& action);
  void Deliver(uint32_t scheduler, const DeliverWord& deliver);
  template <typename Reach>
  void Post(bool cut, const Reach& reach);
  void At(Duration from_now, Happening happening);
  static NodeId WorkerId(uint32_t worker) { return NodeId(worker + 1); }
  static NodeId SchedulerId(uint32_t scheduler) { return NodeId(scheduler + 101); }
  static uint32_t NumberOfWorker(NodeId node) { return node.value() - 1; }
  static uint32_t NumberOfScheduler(NodeId node) { return node.value() - 101; }
  bool IsScheduler(uint32_t node) const { return node >= workers_.size(); }
  uint32_t SchedulerOf(uint32_t node) const {
    return node - static_cast<uint32_t>(workers_.size());
  }
  Link& LinkOf(uint32_t scheduler, uint32_t worker) {
    return links_[scheduler * workers_.size() + worker];
  }
  void CheckConservation(uint32_t scheduler) const;
  bool IsQuiet() const;
  void DemandQuiet();
  void DemandDirectories();
  template <typename... Parts>
  void Log(const Parts&... parts);

  const ClusterSimOptions options_;
  std::function<void(const std::string&)> log_;
  Prng prng_;
  SimClients clients_;
  RequestChecker requests_;
  std::vector<Worker> workers_;
  std::vector<Scheduler> schedulers_;
  std::vector<Link> links_;
  std::map<RequestId, uint32_t> runs_;  // how often each was given to a worker
  std::set<BlockKey> keys_;             // that were ever held

  Instant now_;
  uint64_t happenings_ = 0;
  std::map<std::pair<Instant, uint64_t>, Happening> agenda_;
  uint32_t to_arrive_ = 0;
  Duration trouble_;  // how long the world is hostile
  bool hostile_ = true;
  ClusterTally tally_;
};

}  // namespace cairn::sim
