// Who has had how much: fairness between tenants by virtual time. Each tenant has a counter of the
// tokens computed for it, over its weight; among those who wait, the one with the least goes first
// (VTC, Sheng et al., OSDI'24). Whoever begins to wait is lifted to the least counter of those who
// wait already: idling earns no credit, and a new tenant has none to claim. So two tenants who both
// wait for long are served in the ratio of their weights, to within one request.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cairn {

// A tenant's number in this scheduler: by the order in which names were first seen.
using TenantNumber = uint32_t;

// Tokens over a weight, in 1/65536 of a token.
struct VirtualTokens {
  uint64_t value = 0;
  friend auto operator<=>(VirtualTokens, VirtualTokens) = default;
};

struct TenantLimits {
  // Of the scheduler's live requests and queued tokens, one tenant gets at most so much. 100: all.
  uint32_t share_percent = 100;
  std::map<std::string, uint32_t> weights;  // 1 to kWeightMax; who is not named has 1
  // Later names are one tenant together.
  uint32_t tenants_max = 4096;

  static constexpr uint32_t kWeightMax = 1000;
};

struct TenantAccount {
  std::string name;
  uint32_t weight = 1;
  VirtualTokens served;        // what decides; lifted when it begins to wait
  uint64_t prompt_tokens = 0;  // really computed for it
  uint64_t output_tokens = 0;
  uint32_t live = 0;           // requests, queued and running
  uint32_t waiting = 0;        // of these, in the queue
  uint64_t queued_tokens = 0;  // of their prompts
  uint64_t accepted = 0;
  uint64_t shed = 0;
};

class TenantShare {
 public:
  explicit TenantShare(const TenantLimits& limits);

  TenantNumber NumberOf(std::string_view name);  // known from now on
  const TenantAccount& at(TenantNumber tenant) const { return accounts_[tenant]; }
  const std::vector<TenantAccount>& accounts() const { return accounts_; }

  // A request's life. Every Accept is followed by one End, every Wait by one Leave.
  void Accept(TenantNumber tenant);
  void End(TenantNumber tenant);
  void Shed(TenantNumber tenant) { ++accounts_[tenant].shed; }
  void Wait(TenantNumber tenant, uint64_t prompt_tokens);
  void Leave(TenantNumber tenant, uint64_t prompt_tokens);

  // What was computed for it.
  void ChargePrompt(TenantNumber tenant, uint64_t tokens);
  void ChargeOutput(TenantNumber tenant, uint64_t tokens);

  // What so many tokens add to its counter, and the other way round.
  VirtualTokens CostOf(TenantNumber tenant, uint64_t tokens) const;
  uint64_t TokensFor(TenantNumber tenant, VirtualTokens cost) const;
  // Its counter, if one more request of it waited now.
  VirtualTokens WouldStartAt(TenantNumber tenant) const;
  // The most of a quantity that one tenant may have.
  uint64_t Bound(uint64_t of_all) const { return of_all * share_percent_ / 100; }

 private:
  void Charge(TenantNumber tenant, uint64_t tokens);
  void Lift();  // floor_ follows the least of those who wait

  const uint32_t share_percent_;
  const uint32_t tenants_max_;
  std::map<std::string, uint32_t> weights_;
  std::map<std::string, TenantNumber, std::less<>> numbers_;
  std::vector<TenantAccount> accounts_;
  std::set<std::pair<VirtualTokens, TenantNumber>> waiting_;
  VirtualTokens floor_;  // never falls
};

}  // namespace cairn
