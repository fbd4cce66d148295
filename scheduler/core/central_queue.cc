#include "scheduler/core/central_queue.h"

#include <algorithm>
#include <limits>
#include <set>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr Instant kNever = Instant::FromNanoseconds(std::numeric_limits<int64_t>::max());
constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max();

using Line = CentralQueue::Line;

// The first place behind all of this tenant's with this priority.
Line::const_iterator BehindTenant(const Line& line, const QueuePlace& place) {
  return line.upper_bound({place.priority, place.tenant, kNever, kLast});
}

// Calls `visit` with the first place of each tenant that waits with this priority.
template <typename Visit>
void ForEachTenant(const Line& line, int32_t priority, Visit visit) {
  auto at = line.lower_bound({.priority = priority, .tenant = 0, .due = {}, .order = 0});
  for (; at != line.end() && at->first.priority == priority; at = BehindTenant(line, at->first)) {
    visit(at);
  }
}

// Who has had least goes first; of those who have had the same, whose request is due first.
struct Turn {
  VirtualTokens served;
  Instant due;
  uint64_t order = 0;
  Line::const_iterator at;
  friend bool operator<(const Turn& a, const Turn& b) {
    return std::tie(a.served, a.due, a.order) < std::tie(b.served, b.due, b.order);
  }
};

Turn TurnOf(Line::const_iterator at, VirtualTokens served) {
  return {served, at->first.due, at->first.order, at};
}

}  // namespace

void CentralQueue::Add(LineName line, const QueuePlace& place, const QueuedRequest& request) {
  LineBook& book = lines_[line];
  CAIRN_CHECK(book.line.emplace(place, request).second);
  book.work_tokens += request.work_tokens;
  book.tenant_work[{place.priority, place.tenant}] += request.work_tokens;
  ++size_;
  prompt_tokens_ += request.prompt_tokens;
  work_tokens_ += request.work_tokens;
}

QueuedRequest CentralQueue::Remove(LineName line, const QueuePlace& place) {
  const auto book = lines_.find(line);
  CAIRN_CHECK(book != lines_.end());
  Line& waiting = book->second.line;
  const auto found = waiting.find(place);
  CAIRN_CHECK(found != waiting.end());
  const QueuedRequest request = found->second;
  waiting.erase(found);
  --size_;
  prompt_tokens_ -= request.prompt_tokens;
  work_tokens_ -= request.work_tokens;
  if (waiting.empty()) {
    lines_.erase(book);
    return request;
  }
  book->second.work_tokens -= request.work_tokens;
  const auto work = book->second.tenant_work.find({place.priority, place.tenant});
  work->second -= request.work_tokens;
  // Others of this tenant may have nothing to compute and wait all the same.
  const auto own = waiting.lower_bound({place.priority, place.tenant, {}, 0});
  if (own == BehindTenant(waiting, place)) book->second.tenant_work.erase(work);
  const auto next = waiting.lower_bound({place.priority, 0, {}, 0});
  if (next == waiting.end() || next->first.priority != place.priority) {
    book->second.last_turn.erase(place.priority);
  }
  return request;
}

// The best one, unless another has waited for a turn for too long: then the one that waited
// longest.
int32_t CentralQueue::PriorityToServe(LineBook& book, Instant now) const {
  const Line& line = book.line;
  const int32_t best = line.begin()->first.priority;
  if (ageing_ == Duration()) return best;
  int32_t chosen = best;
  Instant oldest = now - ageing_;
  for (auto at = line.begin(); at != line.end();) {
    const int32_t priority = at->first.priority;
    // Seen waiting for the first time: from now on its time counts.
    const Instant last = book.last_turn.try_emplace(priority, now).first->second;
    if (priority != best && last <= oldest) {
      chosen = priority;
      oldest = last - Nanoseconds(1);
    }
    if (priority == std::numeric_limits<int32_t>::max()) break;
    at = line.lower_bound({priority + 1, 0, {}, 0});
  }
  return chosen;
}

RequestId CentralQueue::Next(LineName name, const TenantShare& share, Instant now) {
  const auto book = lines_.find(name);
  CAIRN_CHECK(book != lines_.end());
  const Line& line = book->second.line;
  const int32_t priority = PriorityToServe(book->second, now);
  std::optional<Turn> next;
  ForEachTenant(line, priority, [&](Line::const_iterator at) {
    const Turn turn = TurnOf(at, share.at(at->first.tenant).served);
    if (!next || turn < *next) next = turn;
  });
  return next->at->second.request;
}

void CentralQueue::CountTurn(LineName name, int32_t priority, Instant now) {
  const auto book = lines_.find(name);
  CAIRN_CHECK(book != lines_.end());
  book->second.last_turn[priority] = now;
}

std::vector<QueuedRequest> CentralQueue::Head(LineName name, const TenantShare& share,
                                              size_t count) const {
  std::vector<QueuedRequest> head;
  const Line& waiting = line(name);
  for (auto first = waiting.begin(); first != waiting.end() && head.size() < count;) {
    const int32_t priority = first->first.priority;
    std::set<Turn> turns;
    ForEachTenant(waiting, priority, [&](Line::const_iterator at) {
      turns.insert(TurnOf(at, share.at(at->first.tenant).served));
    });
    while (!turns.empty() && head.size() < count) {
      const Turn turn = turns.extract(turns.begin()).value();
      head.push_back(turn.at->second);
      const auto after = std::next(turn.at);
      if (after == BehindTenant(waiting, turn.at->first)) continue;
      const VirtualTokens cost = share.CostOf(turn.at->first.tenant, turn.at->second.work_tokens);
      turns.insert(TurnOf(after, {turn.served.value + cost.value}));
    }
    if (priority == std::numeric_limits<int32_t>::max()) break;
    first = waiting.lower_bound({priority + 1, 0, {}, 0});
  }
  return head;
}

uint64_t CentralQueue::WorkBefore(LineName name, const TenantShare& share,
                                  const QueuePlace& place) const {
  const auto book = lines_.find(name);
  if (book == lines_.end()) return 0;
  const Line& waiting = book->second.line;
  uint64_t own = 0;
  for (auto at = waiting.lower_bound({place.priority, place.tenant, {}, 0});
       at != waiting.end() && at->first < place; ++at) {
    own += at->second.work_tokens;
  }
  // It is this tenant's turn when its counter has come so far; until then the others have theirs.
  const VirtualTokens turn{share.WouldStartAt(place.tenant).value +
                           share.CostOf(place.tenant, own).value};
  uint64_t before = own;
  for (const auto& [key, queued] : book->second.tenant_work) {
    if (key.first > place.priority) break;
    if (key.first < place.priority) before += queued;
    if (key.first < place.priority || key.second == place.tenant) continue;
    const TenantAccount& other = share.at(key.second);
    if (other.served >= turn) continue;
    before += std::min(queued, share.TokensFor(key.second, {turn.value - other.served.value}));
  }
  return before;
}

const CentralQueue::Line& CentralQueue::line(LineName name) const {
  static const Line kNobody;
  const auto book = lines_.find(name);
  return book == lines_.end() ? kNobody : book->second.line;
}

uint64_t CentralQueue::work_tokens(LineName name) const {
  const auto book = lines_.find(name);
  return book == lines_.end() ? 0 : book->second.work_tokens;
}

}  // namespace cairn
