#include "scheduler/core/central_queue.h"

#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <string>

namespace cairn {
namespace {

QueuePlace Place(uint64_t order, int32_t priority = 0, TenantNumber tenant = 0, Duration due = {}) {
  return {priority, tenant, Instant() + due, order};
}

// A queue with one line, and who has had how much.
struct OneLine {
  static constexpr std::nullopt_t kLine = std::nullopt;

  void Add(uint64_t id, const QueuePlace& place, uint64_t work = 100) {
    queue.Add(kLine, place, {RequestId(id), work, work});
    share.Wait(place.tenant, work);
    places.emplace(id, place);
  }
  // Takes out whose turn it is.
  uint64_t Serve(Instant now = {}) {
    const RequestId next = queue.Next(kLine, share, now);
    const QueuePlace& place = places.at(next.value());
    queue.CountTurn(kLine, place.priority, now);
    const QueuedRequest served = queue.Remove(kLine, place);
    share.Leave(place.tenant, served.prompt_tokens);
    share.ChargePrompt(place.tenant, served.work_tokens);
    return next.value();
  }
  std::string ServeAll(Instant now = {}) {
    std::string order;
    while (queue.size() > 0) order += std::to_string(Serve(now));
    return order;
  }
  std::string Head(size_t count) const {
    std::string order;
    for (const QueuedRequest& one : queue.Head(kLine, share, count)) {
      order += std::to_string(one.request.value());
    }
    return order;
  }

  explicit OneLine(const TenantLimits& limits = {}) : share(limits) {
    for (const char* name : {"a", "b", "c"}) share.NumberOf(name);
  }
  CentralQueue queue;
  TenantShare share;
  std::map<uint64_t, QueuePlace> places;
};

TEST_CASE("a line is in the order of priority, then of what is due first, then of arrival") {
  OneLine line;
  line.Add(1, Place(1, 5));
  line.Add(2, Place(2, 0, 0, Seconds(5)));
  line.Add(3, Place(3, 0, 0, Seconds(1)));
  line.Add(4, Place(4, 0, 0, Seconds(5)));
  CHECK(line.Head(3) == "324");
  CHECK(line.ServeAll() == "3241");
}

TEST_CASE("tenants that wait are served in the ratio of their weights, however many one sends") {
  OneLine line({.weights = {{"b", 2}}});
  for (uint64_t id = 1; id <= 6; ++id) line.Add(id, Place(id, 0, 0));
  for (uint64_t id = 7; id <= 9; ++id) line.Add(id, Place(id, 0, 1));
  CHECK(line.Head(9) == "178293456");
  CHECK(line.ServeAll() == "178293456");
}

TEST_CASE("a tenant that idled has no credit, and one that was served before no debt") {
  OneLine line;
  for (uint64_t id = 1; id <= 4; ++id) line.Add(id, Place(id, 0, 0));
  for (int i = 0; i < 3; ++i) line.Serve();
  // The second tenant has had nothing; it begins where the first one is.
  for (uint64_t id = 5; id <= 7; ++id) line.Add(id, Place(id, 0, 1));
  for (uint64_t id = 8; id <= 9; ++id) line.Add(id, Place(id, 0, 0));
  CHECK(line.ServeAll() == "456879");
}

TEST_CASE("a priority that waits without a turn gets one every ten seconds, and no more") {
  OneLine line;
  for (uint64_t id = 1; id <= 6; ++id) line.Add(id, Place(id, 0));
  for (uint64_t id = 7; id <= 9; ++id) line.Add(id, Place(id, 3));
  std::string order;
  for (int64_t second = 0; second < 24; second += 4) {
    order += std::to_string(line.Serve(Instant() + Seconds(second)));
  }
  CHECK(order == "123745");
}

TEST_CASE(
    "what is computed before one's turn is one's own, what is better, and the others' share") {
  OneLine line;
  for (uint64_t id = 1; id <= 10; ++id) line.Add(id, Place(id, 0, 0));
  line.Add(11, Place(11, -1, 2), 30);
  line.Add(12, Place(12, 0, 1), 40);
  const auto before = [&](const QueuePlace& place) {
    return line.queue.WorkBefore(std::nullopt, line.share, place);
  };
  CHECK(before(Place(13, -1, 0)) == 0);
  CHECK(before(Place(13, 0, 2)) == 30);  // nobody is ahead of a tenant that has had nothing
  CHECK(before(Place(13, 0, 1)) == 30 + 40 + 40);  // its own, and as much of the first tenant's
  CHECK(before(Place(13, 0, 0)) == 30 + 40 + 1000);
  CHECK(before(Place(13, 1, 1)) == 30 + 40 + 1000);
}

TEST_CASE("a queue counts what waits in it") {
  CentralQueue queue;
  const NodeId one(1), other(2);
  queue.Add(one, Place(1, 5), {RequestId(1), 100, 40});
  queue.Add(one, Place(2), {RequestId(2), 200, 200});
  queue.Add(one, Place(3), {RequestId(3), 10, 10});
  queue.Add(other, Place(4), {RequestId(4), 7, 7});
  queue.Add(std::nullopt, Place(5), {RequestId(5), 1000, 1000});
  CHECK(queue.size() == 5);
  CHECK(queue.prompt_tokens() == 1317);
  CHECK(queue.work_tokens() == 1257);
  CHECK(queue.work_tokens(one) == 250);
  CHECK(queue.line(NodeId(9)).empty());
}

TEST_CASE("who waits with nothing to compute is found when his tenant's others have gone") {
  CentralQueue queue;
  queue.Add(std::nullopt, Place(1), {RequestId(1), 50, 50});
  queue.Add(std::nullopt, Place(2), {RequestId(2), 0, 0});
  queue.Add(std::nullopt, Place(3, 0, 1), {RequestId(3), 7, 7});
  queue.Remove(std::nullopt, Place(1));
  CHECK(queue.Remove(std::nullopt, Place(2)).request == RequestId(2));
  CHECK(queue.work_tokens() == 7);
  CHECK(queue.size() == 1);
}

TEST_CASE("who is taken out is counted nowhere any more") {
  CentralQueue queue;
  queue.Add(std::nullopt, Place(1), {RequestId(1), 50, 50});
  const QueuedRequest waited = queue.Remove(std::nullopt, Place(1));
  CHECK(waited.request == RequestId(1));
  queue.Add(NodeId(3), Place(1), waited);
  CHECK(queue.line(std::nullopt).empty());
  CHECK(queue.work_tokens(NodeId(3)) == 50);
  queue.Remove(NodeId(3), Place(1));
  CHECK(queue.size() == 0);
  CHECK(queue.work_tokens() == 0);
  CHECK(queue.prompt_tokens() == 0);
}

}  // namespace
}  // namespace cairn
