// Several workers in virtual time that hand requests to each other and fetch what others have
// cached, with a hostile world around them: fetches that fail, come late or damaged, loans that end
// too early, holders that have evicted what they are asked for, workers that die in the middle,
// cancels at every stage. A director stands where the scheduler will: it decides at random who goes
// on with what, and resumes from what was heard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kvstore/base/prng.h"
#include "kvstore/base/time.h"
#include "tests/sim/checker/request_checker.h"
#include "tests/sim/sim_machine.h"
#include "tests/sim/violation.h"
#include "tests/sim/workload/sim_clients.h"
#include "tests/sim/workload/sim_options.h"

namespace cairn::sim {

struct HandoffOptions {
  SimOptions base;  // of each worker, and of the clients
  uint32_t workers = 2;
  double yield_chance = 0;   // of a request: it is yielded after its first token, or at some time
  double follow_chance = 0;  // of one that yields: somebody follows
  double death_chance = 0;   // of some worker, at an arrival
  double fetch_failure_chance = 0;
  int64_t transfer_us_max = 0;
  double late_chance = 0;    // of a transfer: it takes very much longer
  double holder_chance = 0;  // of a request: somebody else is said to have its prompt's head
  int64_t wait_us_max = 0;   // for that
};

HandoffOptions DrawHandoffOptions(uint64_t seed);

struct HandoffResult {
  std::string checker;  // the one whose invariant broke; empty: PASSED
  std::string what;
  uint64_t events = 0;
  uint64_t handoffs = 0;        // to another worker, with a source
  uint64_t blocks_fetched = 0;  // and found to be right
  uint64_t partial_blocks = 0;
  uint64_t fetched_ahead = 0;  // blocks, for a follower
  uint64_t refused = 0;        // fetches
  uint64_t damaged = 0;        // blocks
  uint64_t deaths = 0;
  uint64_t resumed_after_death = 0;
  PrefixFetchCounts prefixes;

  bool passed() const { return checker.empty(); }
};

class HandoffSim {
 public:
  explicit HandoffSim(const HandoffOptions& options,
                      std::function<void(const std::string&)> log = {});

  HandoffResult Run();

 private:
  struct Node {
    Epoch epoch;
    std::unique_ptr<SimMachine> machine;
    std::map<FetchId, StartFetch> fetches;  // out
    std::optional<Instant> tick;
  };
  // One request as the director knows it.
  struct Order {
    GenerationRequest request;
    std::optional<size_t> at;  // none: it has ended
    std::vector<ResumedChoice> said;
    std::optional<size_t> follower;
    bool prefill_told = false;
    bool cancelled = false;
    uint32_t moves = 0;
  };

  // A request that moved so often stays where it is, so that every run ends.
  static constexpr uint32_t kMovesMax = 8;

  struct Arrive {};
  struct EndStep {
    size_t node;
    Epoch epoch;
  };
  struct EndMove {
    size_t node;
    Epoch epoch;
    Move move;
  };
  struct Reach {  // a word or a question does, if that life is still there
    NodeLife to;
    WorkerEvent event;
  };
  struct EndTransfer {
    NodeLife from;
    SendBlocks send;
  };
  struct WakeUp {
    size_t node;
    Epoch epoch;
  };
  struct AskToYield {
    RequestId request;
  };
  struct ClientGoes {
    RequestId request;
  };
  using Happening =
      std::variant<Arrive, EndStep, EndMove, Reach, EndTransfer, WakeUp, AskToYield, ClientGoes>;

  void Happen(const Arrive&);
  void Happen(const EndStep& end);
  void Happen(const EndMove& end);
  void Happen(const Reach& reach);
  void Happen(const EndTransfer& end);
  void Happen(const WakeUp& wake);
  void Happen(const AskToYield& ask);
  void Happen(const ClientGoes& gone);

  bool Act(size_t node);  // false: it wants nothing
  void Do(size_t node, const TellPeer& tell);
  void Do(size_t node, const StartFetch& fetch);
  void Do(size_t node, const SendBlocks& send);
  void Do(size_t node, const RefuseBlocks& refuse);

  // The director, in handoff_director.cc.
  void Assign(Order& order, size_t to, std::optional<size_t> source);
  void EndCancelled(Order& order);
  std::optional<PrefixHolder> DrawHolder(const GenerationRequest& request, size_t to);
  void Hear(size_t node, const PrefillDone& word);
  void Hear(size_t node, const TokenProduced& word);
  void Hear(size_t node, const ChoiceEnded& word);
  void Hear(size_t node, const RequestEnded& word);
  void Hear(size_t node, const Yielded& word);
  void Hear(size_t /*node*/, const AskAnswered& /*word*/) {}  // the director asks nobody
  void Hear(size_t node, const WorkerLoad& word);
  Order& OrderAt(size_t node, RequestId request);

  void At(Duration from_now, Happening happening);
  Duration Soon(int64_t us_max) { return Microseconds(prng_.Between(0, us_max)); }
  void Live(size_t node);
  void TakeCounts(const Node& node);
  void Die(size_t node);
  void Tell(size_t node, const WorkerEvent& event) { nodes_[node].machine->Tell(event, now_); }
  void ActAll();
  void FailFetch(const NodeLife& at, FetchId fetch);
  NodeLife LifeOf(size_t node) const;
  Node* Find(const NodeLife& life);
  bool hostile() const { return to_arrive_ > 0; }
  template <typename... Parts>
  void Log(const Parts&... parts) {
    if (log_) log_(Text(now_, " ", parts...));
  }

  const HandoffOptions options_;
  std::function<void(const std::string&)> log_;
  Prng prng_;
  SimClients clients_;
  RequestChecker requests_;
  std::vector<Node> nodes_;
  std::map<RequestId, Order> orders_;
  HandoffResult result_;

  Instant now_;
  uint64_t happenings_ = 0;
  std::map<std::pair<Instant, uint64_t>, Happening> agenda_;
  uint32_t to_arrive_ = 0;
};

}  // namespace cairn::sim
