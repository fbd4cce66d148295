#include "tests/sim/handoff_sim.h"

#include <algorithm>

#include "tests/sim/violation.h"

namespace cairn::sim {
namespace {

constexpr uint64_t kEventsMax = 400'000;

}  // namespace

HandoffOptions DrawHandoffOptions(uint64_t seed) {
  HandoffOptions options{.base = DrawOptions(seed)};
  Prng prng(SplitMix64(seed ^ 0x4a0d0ff));
  options.workers = static_cast<uint32_t>(prng.Between(2, 4));
  options.base.worker.requests_max = 1000;
  options.base.worker.prompt_chunk =
      prng.Chance(0.5) ? 0 : 1 + static_cast<uint32_t>(prng.Below(8));
  options.base.worker.loan_time = Microseconds(prng.Chance(0.7) ? 100'000 : prng.Between(1, 2000));
  options.base.worker.followed_max = prng.Chance(0.8) ? 64 : 1;
  options.base.choices_max = prng.Chance(0.8) ? 1 : 3;
  options.yield_chance = prng.Chance(0.9) ? 0.3 + prng.Uniform() * 0.7 : 0;
  options.follow_chance = prng.Chance(0.7) ? prng.Uniform() : 0;
  options.death_chance = prng.Chance(0.4) ? prng.Uniform() * 0.3 : 0;
  options.fetch_failure_chance = prng.Chance(0.3) ? prng.Uniform() * 0.5 : 0;
  options.transfer_us_max = prng.Chance(0.5) ? 20 : prng.Between(20, 3000);
  options.late_chance = prng.Chance(0.3) ? prng.Uniform() * 0.3 : 0;
  options.holder_chance = prng.Chance(0.8) ? prng.Uniform() : 0;
  options.wait_us_max = prng.Chance(0.5) ? prng.Between(1, 1000) : 20'000;
  // Prompts that begin as earlier ones did, and room to keep those: else there is little to fetch.
  if (options.holder_chance > 0 && prng.Chance(0.6)) {
    options.base.follow_up_chance = 0.8;
    options.base.store.device.slots += 40;
    options.holder_chance = 1;
  }
  WorkerLimits& limits = options.base.worker;
  if (prng.Chance(0.2)) limits.fetches_max = static_cast<uint32_t>(prng.Below(3));
  if (prng.Chance(0.2)) limits.fetched_blocks_max = static_cast<uint32_t>(prng.Below(6));
  if (prng.Chance(0.2)) limits.lends_max = static_cast<uint32_t>(prng.Below(3));
  if (prng.Chance(0.2)) limits.lent_blocks_max = static_cast<uint32_t>(prng.Below(6));
  return options;
}

HandoffSim::HandoffSim(const HandoffOptions& options, std::function<void(const std::string&)> log)
    : options_(options),
      log_(std::move(log)),
      prng_(SplitMix64(options.base.seed ^ 0x40ff)),
      clients_(options.base),
      requests_(options.base),
      nodes_(options.workers),
      to_arrive_(options.base.requests) {
  for (size_t node = 0; node < nodes_.size(); ++node) Live(node);
}

HandoffResult HandoffSim::Run() {
  try {
    At(Duration(), Arrive{});
    while (!agenda_.empty()) {
      Demand(++result_.events <= kEventsMax, "progress", "no end after ", kEventsMax, " events");
      const auto first = agenda_.begin();
      now_ = first->first.first;
      const Happening happening = std::move(first->second);
      agenda_.erase(first);
      std::visit([this](const auto& one) { Happen(one); }, happening);
      if (!agenda_.empty() && agenda_.begin()->first.first == now_ && prng_.Chance(0.7)) continue;
      ActAll();
    }
    requests_.DemandAllEnded();
    for (const Node& node : nodes_) node.machine->DemandQuiet();
  } catch (const Violation& violation) {
    result_.checker = violation.checker();
    result_.what = violation.what();
    Log("BROKEN ", result_.checker, ": ", result_.what);
  }
  for (const Node& node : nodes_) TakeCounts(node);
  return result_;
}

void HandoffSim::TakeCounts(const Node& node) {
  const WorkerCore& core = node.machine->core();
  const StoreCounts& store = core.store().counts();
  result_.blocks_fetched += store.fetched;
  result_.damaged += core.load().checksum_failures - store.checksum_failures;
  result_.prefixes += core.prefix_fetches();
}

void HandoffSim::At(Duration from_now, Happening happening) {
  agenda_.emplace(std::pair(now_ + from_now, ++happenings_), std::move(happening));
}

void HandoffSim::Live(size_t node) {
  SimMachine::Log log;
  if (log_) log = [this, node](const std::string& line) { Log(LifeOf(node).node, " ", line); };
  nodes_[node] = {.epoch = Epoch(nodes_[node].epoch.value() + 1),
                  .machine = std::make_unique<SimMachine>(options_.base, prng_, std::move(log)),
                  .fetches = {},
                  .tick = std::nullopt};
}

// Everything there is lost; what ran there goes on elsewhere from what was heard. (Reports reach
// the director at once, so nothing is on its way.)
void HandoffSim::Die(size_t node) {
  Log("worker ", node, " dies");
  ++result_.deaths;
  TakeCounts(nodes_[node]);
  Live(node);
  for (auto& [id, order] : orders_) {
    if (order.follower == node) order.follower.reset();
    if (order.at != node) continue;
    ++result_.resumed_after_death;
    if (order.follower) Tell(*order.follower, Cancel{id});
    if (order.cancelled) {
      EndCancelled(order);
      continue;
    }
    Assign(order, prng_.Below(nodes_.size()), std::nullopt);
  }
}

void HandoffSim::ActAll() {
  // What one worker says may make another act that was asked before it.
  for (bool again = true; std::exchange(again, false);) {
    for (size_t i = 0; i < nodes_.size(); ++i) again |= Act(i);
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    const std::optional<Instant> next = node.machine->core().NextDeadline();
    if (next && (!node.tick || *next < *node.tick)) {
      node.tick = next;
      At(std::max(Duration(), *next - now_), WakeUp{i, node.epoch});
    }
    node.machine->Check(hostile());
  }
}

NodeLife HandoffSim::LifeOf(size_t node) const {
  return {NodeId(static_cast<uint32_t>(node) + 1), nodes_[node].epoch};
}

HandoffSim::Node* HandoffSim::Find(const NodeLife& life) {
  Node& node = nodes_[life.node.value() - 1];
  return node.epoch == life.epoch ? &node : nullptr;
}

// --- what happens

void HandoffSim::Happen(const Arrive&) {
  if (prng_.Chance(options_.death_chance)) Die(prng_.Below(nodes_.size()));
  const GenerationRequest request = clients_.Draw(requests_.talks());
  requests_.OnAssign(request);
  Order& order = orders_[request.id];
  order.request = request;
  order.said.resize(std::clamp(request.choices, 1u, options_.base.worker.choices_max));
  Assign(order, prng_.Below(nodes_.size()), std::nullopt);
  if (prng_.Chance(options_.base.cancel_chance)) At(Soon(6000), ClientGoes{request.id});
  if (--to_arrive_ > 0) At(Soon(options_.base.arrival_gap_us_max), Arrive{});
}

void HandoffSim::Happen(const EndStep& end) {
  Node& node = nodes_[end.node];
  if (node.epoch != end.epoch) return;
  if (!node.machine->EndStep(now_, hostile())) requests_.OnStepFailed();
}

void HandoffSim::Happen(const EndMove& end) {
  Node& node = nodes_[end.node];
  if (node.epoch == end.epoch) node.machine->EndMove(end.move, now_, hostile());
}

void HandoffSim::Happen(const Reach& reach) {
  if (Find(reach.to) != nullptr) return Tell(reach.to.node.value() - 1, reach.event);
  // Whoever asks a worker that is gone hears of that.
  if (const auto* asked = std::get_if<BlocksAsked>(&reach.event)) {
    FailFetch(asked->from, asked->fetch);
  }
}

void HandoffSim::Happen(const EndTransfer& end) {
  const SendBlocks& send = end.send;
  Node* source = Find(end.from);
  std::vector<SentBlock> blocks;
  if (source != nullptr) blocks = source->machine->EndSend(send, now_);
  Node* target = Find(send.to);
  if (source == nullptr || target == nullptr ||
      (hostile() && prng_.Chance(options_.fetch_failure_chance))) {
    return FailFetch(send.to, send.fetch);
  }
  const StartFetch fetch = target->fetches.extract(send.fetch).mapped();
  Log(send.to.node, " ", fetch.id, " done");
  target->machine->EndFetch(fetch, blocks, now_, hostile());
}

void HandoffSim::FailFetch(const NodeLife& at, FetchId fetch) {
  Node* target = Find(at);
  if (target == nullptr) return;
  Log(at.node, " ", fetch, " failed");
  target->fetches.erase(fetch);
  target->machine->Tell(FetchFinished{fetch, {}}, now_);
}

void HandoffSim::Happen(const WakeUp& wake) {
  if (nodes_[wake.node].epoch != wake.epoch) return;
  nodes_[wake.node].tick.reset();
  nodes_[wake.node].machine->core().Tick(now_);
}

void HandoffSim::Happen(const AskToYield& ask) {
  const Order& order = orders_.at(ask.request);
  if (!order.at || order.cancelled || order.moves >= kMovesMax) return;
  Log("yield ", ask.request);
  Tell(*order.at, Yield{ask.request});
}

void HandoffSim::Happen(const ClientGoes& gone) {
  Order& order = orders_.at(gone.request);
  if (!order.at) return;
  Log("cancel ", gone.request);
  order.cancelled = true;
  requests_.OnCancel(gone.request);
  if (order.follower) Tell(*order.follower, Cancel{gone.request});
  Tell(*order.at, Cancel{gone.request});
}

// --- what workers want

bool HandoffSim::Act(size_t node) {
  const MachineTurn turn = nodes_[node].machine->Act();
  const Epoch epoch = nodes_[node].epoch;
  if (turn.step_ends_in) At(*turn.step_ends_in, EndStep{node, epoch});
  for (const auto& [ends_in, move] : turn.moves_end_in) At(ends_in, EndMove{node, epoch, move});
  for (const Report& report : turn.reports) {
    std::visit([&](const auto& word) { Hear(node, word); }, report);
  }
  for (const WorkerAction& action : turn.to_peers) {
    std::visit(
        [&](const auto& one) {
          if constexpr (requires { Do(node, one); }) Do(node, one);
        },
        action);
  }
  return turn.step_ends_in || !turn.moves_end_in.empty() || !turn.reports.empty() ||
         !turn.to_peers.empty();
}

void HandoffSim::Do(size_t node, const TellPeer& tell) {
  At(Soon(200), Reach{tell.to, PeerSaid{LifeOf(node), tell.word}});
}

void HandoffSim::Do(size_t node, const StartFetch& fetch) {
  Log(LifeOf(node).node, " ", fetch.id, " asks ", fetch.source.node, " for ", fetch.range.request,
      " blocks ", fetch.range.first, "+", fetch.range.blocks, " and ", fetch.range.partial_tokens);
  result_.partial_blocks += fetch.range.partial_tokens > 0;
  const Order& order = orders_.at(fetch.range.request);
  if (order.follower == node) result_.fetched_ahead += fetch.range.blocks;
  nodes_[node].fetches.emplace(fetch.id, fetch);
  At(Soon(200), Reach{fetch.source, BlocksAsked{LifeOf(node), fetch.id, fetch.range, fetch.keys}});
}

void HandoffSim::Do(size_t node, const SendBlocks& send) {
  const int64_t times = hostile() && prng_.Chance(options_.late_chance) ? 100 : 1;
  At(Soon(options_.transfer_us_max * times), EndTransfer{LifeOf(node), send});
}

void HandoffSim::Do(size_t node, const RefuseBlocks& refuse) {
  Log(LifeOf(node).node, " refuses ", refuse.fetch, " of ", refuse.to.node);
  ++result_.refused;
  // (A word of no worker's: the wire's.)
  FailFetch(refuse.to, refuse.fetch);
}

}  // namespace cairn::sim
