#include "scheduler/core/appointment_book.h"

#include "kvstore/base/check.h"

namespace cairn {

void AppointmentBook::Make(TenantNumber tenant, Instant due, uint64_t prompt_tokens,
                           uint64_t work_tokens) {
  if (by_due_.size() >= kAppointmentsMax) return;
  const uint64_t order = made_++;
  by_due_.insert({due, order, tenant, prompt_tokens, work_tokens});
  by_tenant_[tenant].insert({due, order});
  for (Promised* sum : {&all_, &sums_[tenant]}) {
    ++sum->requests;
    sum->prompt_tokens += prompt_tokens;
    sum->work_tokens += work_tokens;
  }
}

bool AppointmentBook::Keep(TenantNumber tenant, Instant now) {
  const auto of_tenant = by_tenant_.find(tenant);
  if (of_tenant == by_tenant_.end()) return false;
  const auto [due, order] = *of_tenant->second.begin();
  if (due > now) return false;
  Remove(by_due_.find({.due = due, .order = order}), true);
  return true;
}

void AppointmentBook::Forget(Instant now) {
  while (!by_due_.empty() && by_due_.begin()->due + kPatience < now) {
    Remove(by_due_.begin(), false);
  }
}

Promised AppointmentBook::promised(TenantNumber tenant) const {
  const auto found = sums_.find(tenant);
  return found == sums_.end() ? Promised() : Expected(found->second);
}

Promised AppointmentBook::Expected(const Promised& outstanding) const {
  const auto part = [this](uint64_t of) { return of * shows_q10_ / 1024; };
  return {part(outstanding.requests), part(outstanding.prompt_tokens),
          part(outstanding.work_tokens)};
}

void AppointmentBook::Remove(ByDue::iterator appointment, bool shown) {
  CAIRN_CHECK(appointment != by_due_.end());
  const TenantNumber tenant = appointment->tenant;
  const auto of_tenant = by_tenant_.find(tenant);
  of_tenant->second.erase({appointment->due, appointment->order});
  if (of_tenant->second.empty()) by_tenant_.erase(of_tenant);
  const auto sum = sums_.find(tenant);
  for (Promised* one : {&all_, &sum->second}) {
    --one->requests;
    one->prompt_tokens -= appointment->prompt_tokens;
    one->work_tokens -= appointment->work_tokens;
  }
  if (sum->second.requests == 0) sums_.erase(sum);
  by_due_.erase(appointment);
  // A running average over about 32 of them.
  shows_q10_ = shown ? shows_q10_ + (1024 - shows_q10_ + 31) / 32 : shows_q10_ - shows_q10_ / 32;
}

}  // namespace cairn
