// A whole cluster in virtual time, made of the production cores: schedulers, workers with their
// stores, links with a delay between them, and clients that follow a trace. Time jumps from one
// happening to the next. A run is a function of its options, its trace and its step times: the same
// in, bit for bit the same out. On the way and at the end it checks that no request and no block is
// lost; a breach is a bug of the cores and stops the program (CAIRN_CHECK).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "scheduler/core/scheduler_core.h"
#include "scheduler/simulator/agenda.h"
#include "scheduler/simulator/cluster_options.h"
#include "scheduler/simulator/cluster_result.h"
#include "scheduler/simulator/mailbox.h"
#include "scheduler/simulator/modelled_engine.h"
#include "scheduler/simulator/request_ledger.h"
#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_text.h"
#include "scheduler/simulator/virtual_worker.h"

namespace cairn {

// Hears how many requests have ended so far.
using RunWatch = std::function<void(uint64_t ended)>;

class VirtualCluster {
 public:
  // `trace` outlives the cluster.
  VirtualCluster(const ClusterOptions& options, const Trace& trace, StepTime step_time);

  // Once. Tells `watch` now and then how far it is.
  ClusterResult Run(const RunWatch& watch = nullptr);

 private:
  static NodeId NodeOf(uint32_t worker) { return NodeId(worker + 1); }
  static uint32_t WorkerOf(NodeId node) { return node.value() - 1; }

  // --- what happens
  struct Arrive {
    uint32_t request;
  };
  struct ComeBack {  // a client that was shed
    uint32_t request;
  };
  struct DeadlinePasses {
    uint32_t scheduler;
  };
  struct StepEnds {
    uint32_t worker;
    Epoch epoch;
  };
  struct MoveEnds {
    uint32_t worker;
    Epoch epoch;
    MoveId move;
  };
  struct ReachWorker {  // an assignment does
    uint32_t message;
  };
  struct ReachScheduler {  // reports do
    uint32_t message;
  };
  struct ReachStore {  // a scheduler's wish to hear again does
    uint32_t message;
  };
  struct HearOfWorker {  // a scheduler does: it is there, or it is lost
    uint32_t scheduler;
    uint32_t worker;
    Epoch epoch;
    bool lost;
  };
  struct Beat {  // a worker tells a scheduler how it is
    uint32_t worker;
    uint32_t scheduler;
  };
  struct ReachPeer {  // a word of another worker does
    uint32_t message;
  };
  struct TransferEnds {
    uint32_t transfer;
  };
  struct WorkerTicks {
    uint32_t worker;
  };
  struct WorldChanges {
    uint32_t event;
  };
  using Happening = std::variant<Arrive, ComeBack, DeadlinePasses, StepEnds, MoveEnds, ReachWorker,
                                 ReachScheduler, ReachStore, HearOfWorker, Beat, ReachPeer,
                                 TransferEnds, WorkerTicks, WorldChanges>;

  // --- who is there
  struct Scheduler {
    Scheduler(const SchedulerOptions& wanted, const SchedulerLimits& limits)
        : options(wanted), core(limits) {}

    SchedulerOptions options;
    SchedulerCore core;
    uint64_t submitted = 0;
    std::optional<Instant> deadline_planned;  // the agenda has it
  };
  // What one message of a worker says.
  struct Letter {
    std::vector<Report> reports;
    std::vector<PublishWord> published;

    bool empty() const { return reports.empty() && published.empty(); }
  };
  struct Node {
    WorkerOptions options;
    Epoch epoch;
    WorkerRecord record;
    std::unique_ptr<VirtualWorker> worker;  // null: dead
    std::optional<Instant> tick;            // the next WorkerTicks
    // By scheduler: what the next message says, and what waits for the next beat.
    std::vector<Letter> outbox;
    std::vector<Letter> held;
  };
  struct ToWorker {
    uint32_t worker = 0;
    Epoch epoch;
    Assignment assignment;
  };
  struct ToScheduler {
    uint32_t scheduler = 0;
    uint32_t worker = 0;
    Epoch epoch;
    Letter letter;
  };
  struct ToStore {
    uint32_t scheduler = 0;
    uint32_t worker = 0;
    ResyncRequest request;
  };
  struct ToPeer {
    NodeLife to;
    WorkerEvent event;
  };
  struct Transfer {
    NodeLife from;
    SendBlocks send;
  };

  void Happen(const Arrive& arrive);
  void Happen(const ComeBack& back);
  void Happen(const DeadlinePasses& passes);
  void Happen(const StepEnds& end);
  void Happen(const MoveEnds& end);
  void Happen(const ReachWorker& reach);
  void Happen(const ReachScheduler& reach);
  void Happen(const ReachStore& reach);
  void Happen(const HearOfWorker& word);
  void Happen(const Beat& beat);
  void Happen(const WorldChanges& changes);
  // In virtual_cluster_peers.cc.
  void Happen(const ReachPeer& reach);
  void Happen(const TransferEnds& end);
  void Happen(const WorkerTicks& tick);
  static WorkerJoined JoinOf(const WorkerOptions& options, const NodeLife& life);
  void CarryToPeer(uint32_t worker, WorkerAction&& action);
  void Say(NodeLife to, WorkerEvent event);

  void Change(const WorkerDies& change);
  void Change(const WorkerReturns& change);
  void Change(const WorkerSlows& change);
  void Change(const WorkerAdded& change);
  void Change(const WorkerRemoved& change);
  void Change(const WorkerIsTuned& change);  // virtual_cluster_peers.cc
  void Change(const ClientCancels& change);

  void CarryOut(uint32_t scheduler);
  void Carry(uint32_t scheduler, SendAssignment& action);
  void Carry(uint32_t /*scheduler*/, Accepted& /*action*/) {}
  void Carry(uint32_t scheduler, AskResync& action);
  void Carry(uint32_t scheduler, Shed& action);
  void Carry(uint32_t scheduler, DeliverWord& action);

  void AddNode(const WorkerOptions& options);
  void Live(uint32_t worker);  // begins a life
  void Die(uint32_t worker, Duration until_noticed);
  void TellSchedulers(uint32_t worker, Epoch epoch, bool lost, Duration delay);
  NodeLife LifeOf(uint32_t worker) const { return {NodeOf(worker), nodes_[worker]->epoch}; }
  VirtualWorker* Alive(const NodeLife& life);
  void Attend(uint32_t worker, WorkerTurn& turn);
  void Sort(Node& node, Report&& report);
  void Publish(uint32_t worker);
  void Post(uint32_t worker, uint32_t scheduler, Letter& letter);
  void NextArrival();
  void ClientIsDone(uint32_t request);
  void Submit(uint32_t request, uint32_t scheduler);
  GenerationRequest RequestOf(uint32_t request) const;
  uint32_t SchedulerOf(uint32_t request) const;
  bool IsOver() const;
  void CheckRequests() const;
  void CheckQuiet() const;
  void CheckDirectories() const;
  ClusterResult Result();

  ClusterOptions options_;
  const Trace& trace_;
  TraceText text_;
  ModelledEngine engine_;
  RequestLedger ledger_;
  std::vector<std::unique_ptr<Scheduler>> schedulers_;
  std::vector<std::unique_ptr<Node>> nodes_;

  Instant now_;
  Instant deadline_;
  Agenda<Happening> agenda_;
  uint64_t beats_ = 0;  // of the agenda's entries
  uint64_t events_ = 0;
  bool told_at_once_ = false;  // some scheduler hears all words without delay
  Mailbox<ToWorker> to_workers_;
  Mailbox<ToScheduler> to_schedulers_;
  Mailbox<ToStore> to_stores_;
  Mailbox<ToPeer> to_peers_;
  Mailbox<Transfer> transfers_;
  PeerLinks links_;

  uint32_t next_open_ = 0;  // the first request of the trace whose arrival is not planned
  std::vector<uint32_t> first_follower_;  // by request: who comes after it ended, a list
  std::vector<uint32_t> next_follower_;
};

}  // namespace cairn
