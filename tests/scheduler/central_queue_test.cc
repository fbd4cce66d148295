#include "scheduler/core/central_queue.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>

namespace cairn {
namespace {

TEST_CASE("a line is in the order of priority, then of arrival, and counts what waits in it") {
  CentralQueue queue;
  const NodeId one(1), other(2);
  queue.Add(one, {5, 1}, {RequestId(1), 100, 40});
  queue.Add(one, {0, 2}, {RequestId(2), 200, 200});
  queue.Add(one, {0, 3}, {RequestId(3), 10, 10});
  queue.Add(other, {0, 4}, {RequestId(4), 7, 7});
  queue.Add(std::nullopt, {0, 5}, {RequestId(5), 1000, 1000});
  std::string order;
  for (const auto& [place, queued] : queue.line(one))
    order += std::to_string(queued.request.value());
  CHECK(order == "231");
  CHECK(queue.size() == 5);
  CHECK(queue.prompt_tokens() == 1317);
  CHECK(queue.work_tokens() == 1257);
  CHECK(queue.work_tokens(one) == 250);
  CHECK(queue.line(NodeId(9)).empty());
}

TEST_CASE("who is taken out is counted nowhere any more") {
  CentralQueue queue;
  queue.Add(std::nullopt, {0, 1}, {RequestId(1), 50, 50});
  const QueuedRequest waited = queue.Remove(std::nullopt, {0, 1});
  CHECK(waited.request == RequestId(1));
  queue.Add(NodeId(3), {0, 1}, waited);
  CHECK(queue.line(std::nullopt).empty());
  CHECK(queue.work_tokens(NodeId(3)) == 50);
  queue.Remove(NodeId(3), {0, 1});
  CHECK(queue.size() == 0);
  CHECK(queue.work_tokens() == 0);
  CHECK(queue.prompt_tokens() == 0);
}

}  // namespace
}  // namespace cairn
