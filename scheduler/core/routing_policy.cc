#include "scheduler/core/routing_policy.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "kvstore/base/check.h"
#include "scheduler/core/cache_policies.h"
#include "scheduler/core/dual_hash_policy.h"
#include "scheduler/core/dual_map_policy.h"
#include "scheduler/core/load_policies.h"

namespace cairn {
namespace {

constexpr std::array<PolicyKind, 8> kPolicies = {
    PolicyKind::kDualHash,    PolicyKind::kDualMap, PolicyKind::kRoundRobin,
    PolicyKind::kLeastLoaded, PolicyKind::kRandom2, PolicyKind::kPrefixAffinity,
    PolicyKind::kMinTtft,     PolicyKind::kE2};

}  // namespace

std::span<const PolicyKind> AllPolicies() { return kPolicies; }

std::string_view PolicyName(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::kDualHash:
      return "dual-hash";
    case PolicyKind::kDualMap:
      return "dualmap";
    case PolicyKind::kRoundRobin:
      return "round-robin";
    case PolicyKind::kLeastLoaded:
      return "least-loaded";
    case PolicyKind::kRandom2:
      return "random-2";
    case PolicyKind::kPrefixAffinity:
      return "prefix-affinity";
    case PolicyKind::kMinTtft:
      return "min-ttft";
    case PolicyKind::kE2:
      return "e2";
  }
  return "unknown";
}

std::optional<PolicyKind> PolicyNamed(std::string_view name) {
  const auto found = std::ranges::find(kPolicies, name, PolicyName);
  return found == kPolicies.end() ? std::nullopt : std::optional(*found);
}

std::vector<size_t> RoutingPolicy::CandidatesOf(const RouteRequest& /*request*/,
                                                const FleetView& fleet) {
  std::vector<size_t> all(fleet.workers.size());
  std::iota(all.begin(), all.end(), size_t{0});
  return all;
}

std::unique_ptr<RoutingPolicy> MakeRoutingPolicy(const RoutingOptions& options,
                                                 uint32_t block_tokens) {
  CAIRN_CHECK_GT(block_tokens, 0u);
  switch (options.policy) {
    case PolicyKind::kDualHash:
      return std::make_unique<DualHashPolicy>(options, block_tokens);
    case PolicyKind::kDualMap:
      return std::make_unique<DualMapPolicy>(options, block_tokens);
    case PolicyKind::kRoundRobin:
      return std::make_unique<RoundRobinPolicy>(options);
    case PolicyKind::kLeastLoaded:
      return std::make_unique<LeastLoadedPolicy>(options);
    case PolicyKind::kRandom2:
      return std::make_unique<RandomTwoPolicy>(options);
    case PolicyKind::kPrefixAffinity:
      return std::make_unique<PrefixAffinityPolicy>(options, block_tokens);
    case PolicyKind::kMinTtft:
      return std::make_unique<MinTtftPolicy>(options);
    case PolicyKind::kE2:
      return std::make_unique<E2Policy>(options);
  }
  CAIRN_CHECK(false);
  return nullptr;
}

}  // namespace cairn
