// Who goes on with what, at random, and what is heard of it.
#include <algorithm>

#include "tests/sim/handoff_sim.h"

namespace cairn::sim {

void HandoffSim::Assign(Order& order, size_t to, std::optional<size_t> source) {
  const RequestId id = order.request.id;
  cairn::Assign assign{.request = order.request};
  const bool begun = std::ranges::any_of(order.said, [](const ResumedChoice& choice) {
    return choice.ended || !choice.tokens.empty();
  });
  if (begun) assign.resume = order.said;
  if (order.at) requests_.OnAssignedAgain(id);
  if (source && *source != to) {
    assign.source = LifeOf(*source);
    ++result_.handoffs;
  }
  assign.holder = DrawHolder(order.request, to);
  order.at = to;
  order.follower.reset();
  if (order.moves < kMovesMax && prng_.Chance(options_.yield_chance)) {
    assign.yields = prng_.Chance(0.6);
    if (!assign.yields) At(Soon(3000), AskToYield{id});
    const size_t follower = prng_.Below(nodes_.size());
    if (follower != to && prng_.Chance(options_.follow_chance)) {
      order.follower = follower;
      assign.follower = LifeOf(follower);
      Tell(follower, Follow{id, order.request.prompt, order.request.cache_salt, LifeOf(to)});
    }
  }
  Log("assign ", id, " to ", LifeOf(to).node, " prompt=", order.request.prompt.size(),
      " said=", order.said[0].tokens.size(), assign.source ? " from another" : "",
      assign.holder ? Text(" and ", assign.holder->life.node, " has ", assign.holder->blocks) : "",
      assign.yields ? " yields" : "", order.follower ? " followed" : "");
  Tell(to, assign);
}

// Who has most of the prompt, or anybody: as right, as old and as wrong as a directory may be.
std::optional<PrefixHolder> HandoffSim::DrawHolder(const GenerationRequest& request, size_t to) {
  if (!prng_.Chance(options_.holder_chance)) return std::nullopt;
  BlockChain chain({.model = SimModel(),
                    .salt = request.cache_salt,
                    .block_tokens = options_.base.store.block_tokens});
  chain.Append(request.prompt);
  size_t holder = prng_.Below(nodes_.size());
  uint32_t most = 0;
  for (size_t node = 0; node < nodes_.size() && prng_.Chance(0.95); ++node) {
    const uint32_t has = nodes_[node].machine->core().store().Match(chain, chain.full_blocks());
    if (node == to || has <= most) continue;
    holder = node;
    most = has;
  }
  PrefixHolder drawn{.life = LifeOf(holder),
                     .blocks = most,
                     .wait = Microseconds(prng_.Between(0, options_.wait_us_max))};
  if (prng_.Chance(0.3)) drawn.blocks = static_cast<uint32_t>(prng_.Below(8));
  if (prng_.Chance(0.05)) drawn.life.epoch = Epoch(drawn.life.epoch.value() - 1);
  return drawn;
}

// No worker is left that would say so.
void HandoffSim::EndCancelled(Order& order) {
  const RequestId id = order.request.id;
  for (uint32_t i = 0; i < order.said.size(); ++i) {
    if (order.said[i].ended) continue;
    requests_.OnReport(ChoiceEnded{id, i, FinishReason::kCancelled, "", 0});
  }
  requests_.OnReport(RequestEnded{id});
  order.at.reset();
}

HandoffSim::Order& HandoffSim::OrderAt(size_t node, RequestId request) {
  Order& order = orders_.at(request);
  Demand(order.at == node, "report_order", "worker ", node, " speaks of ", request,
         ", which is not there");
  return order;
}

void HandoffSim::Hear(size_t node, const PrefillDone& word) {
  if (!std::exchange(OrderAt(node, word.request).prefill_told, true)) requests_.OnReport(word);
}

void HandoffSim::Hear(size_t node, const TokenProduced& word) {
  Log(word.request, " token ", word.position, " = ", word.token.token);
  OrderAt(node, word.request).said.at(word.choice).tokens.push_back(word.token.token);
  requests_.OnReport(word);
}

void HandoffSim::Hear(size_t node, const ChoiceEnded& word) {
  OrderAt(node, word.request).said.at(word.choice).ended = true;
  requests_.OnReport(word);
}

void HandoffSim::Hear(size_t node, const RequestEnded& word) {
  Order& order = OrderAt(node, word.request);
  order.at.reset();
  if (order.follower) Tell(*order.follower, Cancel{word.request});
  order.follower.reset();
  Log(word.request, " ends");
  requests_.OnReport(word);
}

void HandoffSim::Hear(size_t node, const Yielded& word) {
  Order& order = OrderAt(node, word.request);
  if (order.cancelled) return EndCancelled(order);  // the cancel met it on its way here
  ++order.moves;
  const std::optional<size_t> follower = order.follower;
  const size_t to = follower && prng_.Chance(0.9) ? *follower : prng_.Below(nodes_.size());
  if (follower && *follower != to) Tell(*follower, Cancel{word.request});
  Assign(order, to, node);
}

void HandoffSim::Hear(size_t /*node*/, const WorkerLoad& word) { requests_.OnReport(word); }

}  // namespace cairn::sim
