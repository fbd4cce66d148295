// Requests wait here, not on workers, so that moving one costs nothing: one line for each worker
// that requests were routed to, and one for those that have no worker yet.
//
// Who is next in a line: of the best priority the tenant that has had least (tenant_share.h), of
// its requests the one whose first token is due soonest. Nobody starves: a priority that has waited
// so long without a turn gets one; a tenant's counter stands still while it waits; and what is due
// is due, however many come later.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "scheduler/core/tenant_share.h"

namespace cairn {

struct QueuePlace {
  int32_t priority = 0;  // lower first
  TenantNumber tenant = 0;
  Instant due;         // its first token: arrival and TTFT target
  uint64_t order = 0;  // of arrival; no two requests share one
  friend auto operator<=>(const QueuePlace&, const QueuePlace&) = default;
};

struct QueuedRequest {
  RequestId request;
  uint64_t prompt_tokens = 0;
  uint64_t work_tokens = 0;  // of them, expected to be computed
};

class CentralQueue {
 public:
  using Line = std::map<QueuePlace, QueuedRequest>;
  using LineName = std::optional<NodeId>;  // none: not routed

  // A priority without a turn for so long gets one. Zero: never.
  explicit CentralQueue(Duration priority_ageing = Seconds(10)) : ageing_(priority_ageing) {}

  void Add(LineName line, const QueuePlace& place, const QueuedRequest& request);
  QueuedRequest Remove(LineName line, const QueuePlace& place);  // REQUIRES: it is there

  // Whose turn it is. REQUIRES: somebody waits in that line.
  RequestId Next(LineName line, const TenantShare& share, Instant now);
  // Somebody of that priority had a turn.
  void CountTurn(LineName line, int32_t priority, Instant now);
  // The next `count` at most, in the order in which they will be served if nobody else comes.
  std::vector<QueuedRequest> Head(LineName line, const TenantShare& share, size_t count) const;
  // Tokens to be computed before one that comes to this place, if nobody else comes.
  uint64_t WorkBefore(LineName line, const TenantShare& share, const QueuePlace& place) const;

  const Line& line(LineName name) const;  // by place, not by turn; empty, if nobody waits there
  uint64_t work_tokens(LineName name) const;

  size_t size() const { return size_; }
  uint64_t prompt_tokens() const { return prompt_tokens_; }
  uint64_t work_tokens() const { return work_tokens_; }

 private:
  struct LineBook {
    Line line;
    uint64_t work_tokens = 0;
    std::map<std::pair<int32_t, TenantNumber>, uint64_t> tenant_work;
    std::map<int32_t, Instant> last_turn;  // by priority, of those that wait
  };

  int32_t PriorityToServe(LineBook& book, Instant now) const;

  const Duration ageing_;
  std::map<LineName, LineBook> lines_;  // those with somebody in it
  size_t size_ = 0;
  uint64_t prompt_tokens_ = 0;
  uint64_t work_tokens_ = 0;
};

}  // namespace cairn
