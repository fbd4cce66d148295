// Where a request should run: one question, many answers. Policies differ only in how they choose;
// what they see (fleet_view.h) and what a choice costs (route_cost.h) is the same for all of them.
// Equal views and equal histories give equal choices; ties go to the lower node, or to the first
// home.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kvstore/base/time.h"
#include "scheduler/core/dual_hash.h"
#include "scheduler/core/fleet_view.h"
#include "scheduler/core/route_cost.h"

namespace cairn {

enum class PolicyKind : uint8_t {
  kDualHash,  // two homes a key, known holders, a few guests: the cheapest for all
  kDualMap,   // two homes a key; the warmer one until its TTFT threatens the target (DualMap)
  kRoundRobin,
  kLeastLoaded,     // the fewest prompt tokens ahead
  kRandom2,         // the less loaded of two random workers
  kPrefixAffinity,  // one home a key, the next one when it is loaded beyond a bound
  kMinTtft,         // the lowest predicted TTFT of all workers (Mooncake's Conductor, FAST'25)
  kE2,              // exploit the longest match or explore by load and eviction (Preble, ICLR'25)
};

struct RoutingOptions {
  PolicyKind policy = PolicyKind::kDualHash;
  uint64_t seed = 1;  // kRandom2 draws
  Duration ttft_slo = Seconds(5);
  RouteCostOptions cost;

  // kDualHash, kDualMap.
  uint32_t homes = 2;
  uint32_t affinity_gain_tokens = 128;  // a warmer worker has at least so much more
  // These and kPrefixAffinity.
  uint32_t affinity_tokens = 512;  // by which keys get longer
  // kDualHash. Percent are of the term in a worker's price.
  uint32_t work_percent = 800;
  uint32_t fetch_percent = 6400;
  uint32_t sent_percent = 100;
  Duration sent_window = Seconds(180);
  uint32_t guests = 6;
  uint32_t holders_max = 16;  // with more of them, the homes and guests are likely among them
  // kDualMap: the warmer home is kept while its predicted TTFT is below so much of the target.
  uint32_t affinity_percent = 50;
  // kPrefixAffinity: at most so much of the mean of tokens ahead, but never less than the floor.
  uint32_t bounded_load_percent = 125;
  uint64_t bounded_load_floor_tokens = 8192;
  // kE2.
  Duration e2_window = Seconds(180);
  uint32_t e2_exploit_percent = 50;  // where more of the prompt than that is cached
};

enum class RouteReason : uint8_t {
  kHome,      // one of its homes
  kHolder,    // not a home, but it has more of the prompt
  kGuest,     // neither, but the others were too busy
  kAffinity,  // it has the longest match and time enough
  kPressure,  // the match would wait too long elsewhere
  kLoad,      // chosen by load or cost alone
  kTurn,      // its turn
  kSlack,     // decode-heavy, and early enough (phase_placer.h)
};

struct RouteChoice {
  size_t worker = 0;  // in FleetView::workers
  RouteReason reason = RouteReason::kLoad;
  RouteCost cost;  // as predicted
};

class RoutingPolicy {
 public:
  virtual ~RoutingPolicy() = default;

  // Chooses for a request that arrives now, and remembers what it must of it. REQUIRES: at least
  // one worker.
  virtual RouteChoice Route(const RouteRequest& request, const FleetView& fleet) = 0;

  // It goes elsewhere after all, or is not let in: what Route has remembered of its choice is
  // forgotten. REQUIRES: the same fleet, and no Route in between.
  virtual void TakeBack(const RouteChoice& /*choice*/) {}
  // Whom Route would look at, so that they can be asked first. Nothing is remembered. Empty: it
  // chooses by nothing that they could say.
  virtual std::vector<size_t> CandidatesOf(const RouteRequest& request, const FleetView& fleet);

  // Where else a request that waits may be moved to: its homes, the first hash's first. Nothing is
  // remembered. Empty: this policy moves nothing.
  virtual Homes HomesOf(const RouteRequest& request, const FleetView& fleet) = 0;
  // What a move adds to a request's work counts so much against it.
  virtual uint32_t work_percent() const { return 100; }
};

std::unique_ptr<RoutingPolicy> MakeRoutingPolicy(const RoutingOptions& options,
                                                 uint32_t block_tokens);

std::string_view PolicyName(PolicyKind kind);  // "dual-hash", "round-robin", ...
std::optional<PolicyKind> PolicyNamed(std::string_view name);
std::span<const PolicyKind> AllPolicies();

}  // namespace cairn
