// Requests wait here, not on workers, so that moving one costs nothing: one line for each worker
// that requests were routed to, and one for those that have no worker yet. Within a line: priority,
// then arrival.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>

#include "kvstore/base/ids.h"

namespace cairn {

struct QueuePlace {
  int32_t priority = 0;  // lower first
  uint64_t order = 0;    // of arrival; no two requests share one
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

  void Add(LineName line, const QueuePlace& place, const QueuedRequest& request);
  QueuedRequest Remove(LineName line, const QueuePlace& place);  // REQUIRES: it is there

  const Line& line(LineName name) const;  // empty, if nobody waits there
  uint64_t work_tokens(LineName name) const;

  size_t size() const { return size_; }
  uint64_t prompt_tokens() const { return prompt_tokens_; }
  uint64_t work_tokens() const { return work_tokens_; }

 private:
  struct LineBook {
    Line line;
    uint64_t work_tokens = 0;
  };
  std::map<LineName, LineBook> lines_;  // those with somebody in it
  size_t size_ = 0;
  uint64_t prompt_tokens_ = 0;
  uint64_t work_tokens_ = 0;
};

}  // namespace cairn
