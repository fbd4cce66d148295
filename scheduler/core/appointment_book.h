// Who was told to come back when. A client that is shed gets a time at which there will be room for
// it; the room is then kept from those who come meanwhile, so that the time is worth something. It
// is kept for a tenant, not for a request: whoever of that tenant comes first at that time has it.
//
// Many clients never come back. How many do is learned, and what is kept is what they will need.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>

#include "kvstore/base/time.h"
#include "scheduler/core/tenant_share.h"

namespace cairn {

// What appointments need room for.
struct Promised {
  uint64_t requests = 0;
  uint64_t prompt_tokens = 0;
  uint64_t work_tokens = 0;
};

class AppointmentBook {
 public:
  static constexpr size_t kAppointmentsMax = 1 << 16;  // more are told a time that nobody keeps
  static constexpr Duration kPatience = Seconds(2);  // so long after its time nobody comes any more

  void Make(TenantNumber tenant, Instant due, uint64_t prompt_tokens, uint64_t work_tokens);
  // Is it time for one of this tenant's? It is then over, whatever becomes of who came.
  bool Keep(TenantNumber tenant, Instant now);
  void Forget(Instant now);  // those that nobody kept

  // Of all that are outstanding, as much as is expected to come.
  Promised promised() const { return Expected(all_); }
  Promised promised(TenantNumber tenant) const;
  size_t size() const { return by_due_.size(); }
  // Of those who were given a time, so many of 1,024 came.
  uint32_t shows_q10() const { return shows_q10_; }

 private:
  struct Appointment {
    Instant due;
    uint64_t order = 0;
    TenantNumber tenant = 0;
    uint64_t prompt_tokens = 0;
    uint64_t work_tokens = 0;
    friend bool operator<(const Appointment& a, const Appointment& b) {
      return std::tie(a.due, a.order) < std::tie(b.due, b.order);
    }
  };
  using ByDue = std::set<Appointment>;

  Promised Expected(const Promised& outstanding) const;
  void Remove(ByDue::iterator appointment, bool shown);

  ByDue by_due_;
  std::map<TenantNumber, std::set<std::pair<Instant, uint64_t>>> by_tenant_;
  std::map<TenantNumber, Promised> sums_;
  Promised all_;
  uint64_t made_ = 0;
  uint32_t shows_q10_ = 1024;
};

}  // namespace cairn
