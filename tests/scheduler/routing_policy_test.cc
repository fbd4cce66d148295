#include "scheduler/core/routing_policy.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "kvstore/base/prng.h"
#include "tests/scheduler/routing_house.h"

namespace cairn {
namespace {

using Chain = std::vector<BlockKey>;

RoutingOptions With(PolicyKind policy) {
  RoutingOptions options;
  options.policy = policy;
  return options;
}

TEST_CASE("every policy is found by its name, and nothing else is") {
  CHECK(AllPolicies().size() == 8);
  for (const PolicyKind kind : AllPolicies()) CHECK(PolicyNamed(PolicyName(kind)) == kind);
  CHECK_FALSE(PolicyNamed("dual").has_value());
  CHECK(RoutingOptions().policy == PolicyKind::kDualHash);
}

// One scheduler's life: arrivals, words of workers, blocks that come and go.
std::vector<size_t> Choices(PolicyKind kind, uint64_t seed) {
  RoutingHouse house(9, With(kind));
  Prng prng(seed);
  std::vector<size_t> choices;
  for (uint64_t id = 1; id <= 400; ++id) {
    house.now = house.now + Milliseconds(static_cast<int64_t>(prng.Below(50)));
    const Chain chain = MakeChain(prng.Below(30), static_cast<uint32_t>(prng.Below(200)));
    const size_t worker = house.Send(id, chain);
    choices.push_back(worker);
    if (prng.Chance(0.5)) house.Hold(worker, chain, static_cast<uint32_t>(chain.size()));
    if (prng.Chance(0.3)) {
      house.views[prng.Below(9)].backlog.Hear(prng.Below(20'000), house.now);
    }
  }
  return choices;
}

TEST_CASE("schedulers with identical views make identical choices, whatever the policy") {
  for (const PolicyKind kind : AllPolicies()) {
    CAPTURE(PolicyName(kind));
    for (uint64_t seed = 1; seed <= 5; ++seed) CHECK(Choices(kind, seed) == Choices(kind, seed));
    const std::vector<size_t> choices = Choices(kind, 1);
    CHECK(std::set<size_t>(choices.begin(), choices.end()).size() == 9);  // nobody is left out
  }
}

TEST_CASE("two schedulers that saw different requests agree on a prompt's homes") {
  RoutingHouse one(40), other(40);
  for (uint64_t id = 1; id <= 300; ++id) one.Send(id, MakeChain(id, 50));
  for (uint64_t id = 1; id <= 100; ++id) {
    const Chain chain = MakeChain(5000 + id, 80);
    CHECK(one.HomesOf(id, chain) == other.HomesOf(id, chain));
  }
}

TEST_CASE(
    "the warmer home is kept until its first token would be late, then the cheaper one is taken") {
  RoutingOptions options = With(PolicyKind::kDualMap);
  options.affinity_percent = 100;
  RoutingHouse house(8, options);
  const Chain chain = MakeChain(1, 100);
  const Homes homes = house.HomesOf(1, chain);
  const size_t warm = homes[0], cold = homes[1];
  house.Hold(warm, chain, 90);
  house.views[warm].queued_tokens = 45'000;  // 4.5 s
  RouteChoice choice = house.Route(1, chain);
  CHECK(choice.worker == warm);
  CHECK(choice.reason == RouteReason::kAffinity);
  CHECK(choice.cost.hit_tokens == 1440);
  house.views[warm].queued_tokens = 50'000;
  choice = house.Route(2, chain);
  CHECK(choice.worker == cold);
  CHECK(choice.reason == RouteReason::kPressure);
  house.views[cold].queued_tokens = 90'000;  // both are late: the less late
  CHECK(house.Route(3, chain).worker == warm);
}

TEST_CASE("a quiet cluster fills evenly: between equals the first home is taken") {
  RoutingHouse house(10, With(PolicyKind::kDualMap));
  std::vector<int> given(10);
  for (uint64_t id = 1; id <= 5000; ++id) {
    const Chain chain = MakeChain(id, 40);
    const size_t worker = house.Route(id, chain).worker;
    REQUIRE(worker == house.HomesOf(id, chain)[0]);
    ++given[worker];
  }
  for (const int requests : given) CHECK((requests > 420 && requests < 580));
}

TEST_CASE("a hit too small to matter does not outweigh the load") {
  RoutingHouse house(8, With(PolicyKind::kDualMap));
  const Chain chain = MakeChain(1, 100);
  const Homes homes = house.HomesOf(1, chain);
  house.Hold(homes[0], chain, 4);
  house.views[homes[0]].queued_tokens = 10'000;
  const RouteChoice choice = house.Route(1, chain);
  CHECK(choice.worker == homes[1]);
  CHECK(choice.reason == RouteReason::kLoad);
}

TEST_CASE("DualMap looks at the pair alone, whatever the rest promises") {
  RoutingHouse house(20, With(PolicyKind::kDualMap));
  Prng prng(3);
  for (uint64_t id = 1; id <= 500; ++id) {
    const Chain chain = MakeChain(id, static_cast<uint32_t>(prng.Below(120)));
    const Homes homes = house.HomesOf(id, chain);
    REQUIRE(homes.size() == 2);
    for (WorkerView& view : house.views) view.queued_tokens = prng.Below(100'000);
    for (size_t worker = 0; worker < 20; ++worker) {
      if (prng.Chance(0.2)) house.Hold(worker, chain, static_cast<uint32_t>(chain.size()));
    }
    REQUIRE(std::ranges::find(homes, house.Route(id, chain).worker) != homes.end());
  }
}

TEST_CASE("prompts without a full block are spread by their ids") {
  RoutingHouse house(10);
  std::set<size_t> used;
  for (uint64_t id = 1; id <= 200; ++id) used.insert(house.Send(id, {}));
  CHECK(used.size() == 10);
}

// A worker that is none of the prompt's homes.
size_t Stranger(RoutingHouse& house, const Chain& chain) {
  const Homes homes = house.HomesOf(1, chain);
  size_t stranger = 0;
  while (std::ranges::find(homes, stranger) != homes.end()) ++stranger;
  return stranger;
}

TEST_CASE("a prompt goes where most of it is, be that a home or not") {
  RoutingHouse house(8);
  const Chain chain = MakeChain(1, 200);
  const size_t holder = Stranger(house, chain);
  house.Hold(holder, chain, 150);
  const RouteChoice choice = house.Route(1, chain);
  CHECK(choice.worker == holder);
  CHECK(choice.cost.hit_tokens == 150 * 16);
}

TEST_CASE("a cache is left when waiting for it costs many times what it saves, not before") {
  RoutingOptions options;
  options.guests = 0;
  RoutingHouse house(8, options);
  const Chain chain = MakeChain(1, 100);
  const Homes homes = house.HomesOf(1, chain);
  house.Hold(homes[0], chain, 50);  // 800 tokens, 80 ms: worth 640 ms of imbalance
  house.views[homes[0]].queued_tokens = 6'300;
  CHECK(house.Route(1, chain).worker == homes[0]);
  house.views[homes[0]].queued_tokens = 7'700;
  CHECK(house.Route(2, chain).worker == homes[1]);
}

TEST_CASE("what a scheduler sent itself counts where no word has come yet") {
  RoutingHouse house(6);
  std::vector<uint64_t> sent(6);
  Prng prng(5);
  for (uint64_t id = 1; id <= 1200; ++id) {
    const Chain chain = MakeChain(id, static_cast<uint32_t>(prng.Between(20, 400)));
    const RouteChoice choice = house.Route(id, chain);  // and nobody says how long its queue is
    sent[choice.worker] += choice.cost.work_tokens;
  }
  const auto [least, most] = std::ranges::minmax(sent);
  CHECK(most < least * 102 / 100);
}

TEST_CASE("guests are drawn by the request, so that schedulers do not crowd the same idle worker") {
  RoutingOptions options;
  options.guests = 2;
  std::vector<int> given(20);
  for (uint64_t id = 1; id <= 2000; ++id) {  // each by a scheduler that knows nothing of the others
    RoutingHouse house(20, options);
    const Chain chain = MakeChain(id % 7, 40);
    for (const uint32_t home : house.HomesOf(id, chain)) house.views[home].queued_tokens = 90'000;
    ++given[house.Route(id, chain).worker];
  }
  for (const int requests : given) CHECK((requests > 50 && requests < 190));
}

TEST_CASE("round-robin takes turns, and least-loaded the emptiest, the lower among equals") {
  RoutingHouse turns(3, With(PolicyKind::kRoundRobin));
  for (uint64_t id = 0; id < 9; ++id) CHECK(turns.Send(id, MakeChain(1, 10)) == id % 3);
  RoutingHouse least(3, With(PolicyKind::kLeastLoaded));
  CHECK(least.Route(1, MakeChain(1, 10)).worker == 0);
  least.views[0].queued_tokens = 5;
  least.views[1].queued_tokens = 4;
  least.views[2].backlog.Send(4);
  CHECK(least.Route(1, MakeChain(1, 10)).worker == 1);
}

TEST_CASE("random-2 never takes the fullest, and draws from its seed") {
  RoutingHouse house(6, With(PolicyKind::kRandom2));
  house.views[3].queued_tokens = 1'000'000;
  std::set<size_t> used;
  for (uint64_t id = 0; id < 200; ++id) used.insert(house.Route(id, {}).worker);
  CHECK(used == std::set<size_t>{0, 1, 2, 4, 5});
  RoutingHouse alone(1, With(PolicyKind::kRandom2));
  CHECK(alone.Route(1, {}).worker == 0);
}

TEST_CASE("prefix affinity stays at home up to its bound, and no worker gets more than the bound") {
  RoutingHouse house(10, With(PolicyKind::kPrefixAffinity));
  const Chain hot = MakeChain(7, 20);
  const size_t home = house.Send(1, hot);
  for (uint64_t id = 2; id <= 20; ++id) CHECK(house.Send(id, hot) == home);
  for (uint64_t id = 21; id <= 1000; ++id) house.Send(id, hot);
  uint64_t sum = 0, most = 0;
  for (const WorkerView& view : house.views) {
    sum += view.TokensAhead(house.now);
    most = std::max(most, view.TokensAhead(house.now));
  }
  CHECK(most <= sum * 125 / 100 / 10 + 2 * 328);
}

TEST_CASE("min-ttft takes the least predicted time of all workers") {
  Prng prng(9);
  RoutingOptions options = With(PolicyKind::kMinTtft);
  options.cost.fetch_token = Microseconds(30);
  RoutingHouse house(12, options);
  for (uint64_t id = 1; id <= 200; ++id) {
    const Chain chain = MakeChain(id % 20, 100);
    house.Hold(prng.Below(12), chain, static_cast<uint32_t>(1 + prng.Below(100)));
    for (WorkerView& view : house.views) view.queued_tokens = prng.Below(3000);
    const RouteChoice choice = house.Route(id, chain);
    for (size_t worker = 0; worker < 12; ++worker) {
      const RouteCost cost =
          CostAt(house.RequestFor(id, chain), house.fleet(), worker, options.cost);
      REQUIRE(cost.ttft() >= choice.cost.ttft());
      if (cost.ttft() == choice.cost.ttft()) REQUIRE(worker >= choice.worker);
    }
  }
}

TEST_CASE("e2 goes where most of a prompt is cached, and spreads the rest by recent work") {
  RoutingHouse house(4, With(PolicyKind::kE2));
  const Chain chain = MakeChain(1, 100);
  house.Hold(2, chain, 80);
  house.views[2].queued_tokens = 400'000;
  CHECK(house.Route(1, chain).worker == 2);
  CHECK(house.Route(1, chain).reason == RouteReason::kAffinity);
  std::vector<int> sent(4);
  for (uint64_t id = 1; id <= 400; ++id) ++sent[house.Route(id, MakeChain(100 + id, 50)).worker];
  CHECK(*std::ranges::max_element(sent) - *std::ranges::min_element(sent) <= 4);
  house.now = Instant() + Seconds(1000);  // all of that is long ago
  CHECK(house.Route(999, MakeChain(999, 50)).worker == 0);
}

// Eight schedulers hear the same old word (one worker is idle, the rest have three seconds of work)
// and then nothing for a while. How much do they send to the idle one together?
size_t HerdOn(PolicyKind kind) {
  size_t herd = 0;
  for (uint64_t scheduler = 0; scheduler < 8; ++scheduler) {
    RoutingHouse house(16, With(kind));
    for (size_t worker = 0; worker < 16; ++worker) {
      house.views[worker].backlog.Hear(worker == 5 ? 0 : 30'000, house.now);
    }
    for (uint64_t id = 1; id <= 20; ++id) {
      const uint64_t request = scheduler * 1000 + id;
      if (house.Send(request, MakeChain(request, 60)) == 5) ++herd;
    }
  }
  return herd;
}

TEST_CASE(
    "with old views, schedulers that look at all workers herd; those with few candidates cannot") {
  const size_t requests = 8 * 20;
  CHECK(HerdOn(PolicyKind::kMinTtft) == requests);
  CHECK(HerdOn(PolicyKind::kLeastLoaded) == requests);
  // Only those at home there can go there: 2 of 16 workers, and some chance.
  CHECK(HerdOn(PolicyKind::kDualMap) <= requests * 2 / 16 * 3 / 2);
  // Six guests more, and what was sent lately counts against it.
  CHECK(HerdOn(PolicyKind::kDualHash) <= requests * 8 / 16);
}

TEST_CASE("a new worker takes over its share of the keys and no other key changes its homes") {
  RoutingHouse before(15), after(16);
  int moved = 0;
  for (uint64_t id = 1; id <= 2000; ++id) {
    const Chain chain = MakeChain(id, 40);
    const Homes old_homes = before.HomesOf(id, chain), new_homes = after.HomesOf(id, chain);
    if (old_homes == new_homes) continue;
    ++moved;
    REQUIRE(std::ranges::find(new_homes, 15u) != new_homes.end());
  }
  CHECK(moved > 2000 * 2 / 16 * 8 / 10);
  CHECK(moved < 2000 * 2 / 16 * 12 / 10);
}

}  // namespace
}  // namespace cairn
