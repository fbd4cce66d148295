#include "scheduler/core/tenant_share.h"

#include <algorithm>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr uint64_t kScale = 1 << 16;
constexpr char kOthers[] = "(others)";

}  // namespace

TenantShare::TenantShare(const TenantLimits& limits)
    : share_percent_(limits.share_percent),
      tenants_max_(std::max(1u, limits.tenants_max)),
      weights_(limits.weights) {}

TenantNumber TenantShare::NumberOf(std::string_view name) {
  const auto known = numbers_.find(name);
  if (known != numbers_.end()) return known->second;
  if (accounts_.size() + 1 == tenants_max_ && name != kOthers) return NumberOf(kOthers);
  if (accounts_.size() == tenants_max_) return tenants_max_ - 1;
  const auto number = static_cast<TenantNumber>(accounts_.size());
  numbers_.emplace(name, number);
  const auto weight = weights_.find(std::string(name));
  accounts_.push_back({.name = std::string(name)});
  if (weight != weights_.end()) {
    accounts_.back().weight = std::clamp(weight->second, 1u, TenantLimits::kWeightMax);
  }
  return number;
}

void TenantShare::Accept(TenantNumber tenant) {
  ++accounts_[tenant].accepted;
  ++accounts_[tenant].live;
}

void TenantShare::End(TenantNumber tenant) {
  CAIRN_CHECK_GT(accounts_[tenant].live, 0u);
  --accounts_[tenant].live;
}

void TenantShare::Wait(TenantNumber tenant, uint64_t prompt_tokens) {
  TenantAccount& account = accounts_[tenant];
  account.queued_tokens += prompt_tokens;
  if (account.waiting++ > 0) return;
  account.served = std::max(account.served, floor_);
  waiting_.emplace(account.served, tenant);
  Lift();
}

void TenantShare::Leave(TenantNumber tenant, uint64_t prompt_tokens) {
  TenantAccount& account = accounts_[tenant];
  CAIRN_CHECK_GT(account.waiting, 0u);
  account.queued_tokens -= prompt_tokens;
  if (--account.waiting > 0) return;
  waiting_.erase({account.served, tenant});
  // Where nobody waits any more, the last one's counter is where the next begins.
  if (waiting_.empty()) floor_ = std::max(floor_, account.served);
  Lift();
}

void TenantShare::ChargePrompt(TenantNumber tenant, uint64_t tokens) {
  accounts_[tenant].prompt_tokens += tokens;
  Charge(tenant, tokens);
}

void TenantShare::ChargeOutput(TenantNumber tenant, uint64_t tokens) {
  accounts_[tenant].output_tokens += tokens;
  Charge(tenant, tokens);
}

void TenantShare::Charge(TenantNumber tenant, uint64_t tokens) {
  TenantAccount& account = accounts_[tenant];
  const VirtualTokens before = account.served;
  account.served.value += CostOf(tenant, tokens).value;
  if (account.waiting == 0) return;
  waiting_.erase({before, tenant});
  waiting_.emplace(account.served, tenant);
  Lift();
}

VirtualTokens TenantShare::CostOf(TenantNumber tenant, uint64_t tokens) const {
  return {tokens * kScale / accounts_[tenant].weight};
}

uint64_t TenantShare::TokensFor(TenantNumber tenant, VirtualTokens cost) const {
  return cost.value / kScale * accounts_[tenant].weight;
}

VirtualTokens TenantShare::WouldStartAt(TenantNumber tenant) const {
  const TenantAccount& account = accounts_[tenant];
  return account.waiting > 0 ? account.served : std::max(account.served, floor_);
}

void TenantShare::Lift() {
  if (!waiting_.empty()) floor_ = std::max(floor_, waiting_.begin()->first);
}

}  // namespace cairn
