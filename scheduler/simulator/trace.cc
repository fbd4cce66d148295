#include "scheduler/simulator/trace.h"

#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

std::string WrongIn(const Trace& trace, size_t index) {
  const TraceRequest& request = trace.requests[index];
  if (request.input_tokens == 0) return "has no input tokens";
  if (request.output_tokens == 0) return "has no output tokens";
  const uint64_t block_tokens = trace.block_tokens;
  if (request.blocks.size() > (request.input_tokens + block_tokens - 1) / block_tokens) {
    return absl::StrCat("has ", request.blocks.size(), " blocks of ", block_tokens,
                        " tokens, but only ", request.input_tokens, " input tokens");
  }
  if (request.arrival < Instant()) return "arrives before the trace starts";
  if (request.think < Duration()) return "thinks for less than no time";
  if (index > 0 && request.arrival < trace.requests[index - 1].arrival) {
    return "arrives before the request in front of it";
  }
  if (request.latency_class > trace.classes.size()) return "is of a class without a name";
  if (request.previous.has_value()) {
    if (*request.previous >= index) return "waits for a request that is not in front of it";
    if (trace.requests[*request.previous].session != request.session) {
      return "waits for a request of another session";
    }
  }
  return "";
}

}  // namespace

absl::Status CheckTrace(const Trace& trace) {
  if (trace.block_tokens == 0) return absl::InvalidArgumentError("a block of no tokens");
  for (size_t i = 0; i < trace.requests.size(); ++i) {
    const std::string wrong = WrongIn(trace, i);
    if (wrong.empty()) continue;
    return absl::InvalidArgumentError(absl::StrCat(trace.name, ": request ", i, " ", wrong));
  }
  return absl::OkStatus();
}

void SortByArrival(Trace& trace) {
  std::vector<uint32_t> order(trace.requests.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&trace](uint32_t a, uint32_t b) {
    return trace.requests[a].arrival < trace.requests[b].arrival;
  });
  std::vector<uint32_t> place(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  std::vector<TraceRequest> sorted;
  sorted.reserve(order.size());
  for (const uint32_t from : order) {
    sorted.push_back(std::move(trace.requests[from]));
    std::optional<uint32_t>& previous = sorted.back().previous;
    if (!previous.has_value()) continue;
    previous = place[*previous];
    CAIRN_CHECK_LT(*previous, sorted.size() - 1);
  }
  trace.requests = std::move(sorted);
}

void KeepRequests(Trace& trace, const std::vector<bool>& keep) {
  CAIRN_CHECK_EQ(keep.size(), trace.requests.size());
  // For each old index: what stands in for it when somebody waits for it.
  struct StandIn {
    std::optional<uint32_t> index;
    Duration think;
  };
  std::vector<StandIn> stand_ins(keep.size());
  uint32_t kept = 0;
  for (size_t i = 0; i < keep.size(); ++i) {
    TraceRequest& request = trace.requests[i];
    if (request.previous.has_value()) {
      const StandIn& stand_in = stand_ins[*request.previous];
      request.previous = stand_in.index;
      request.think = request.think + stand_in.think;
      // With nobody left to wait for, it arrives when its session starts.
      if (!request.previous.has_value()) request.think = Duration();
    }
    if (!keep[i]) {
      stand_ins[i] = {request.previous, request.think};
      continue;
    }
    stand_ins[i] = {kept, Duration()};
    if (kept != i) trace.requests[kept] = std::move(request);
    ++kept;
  }
  trace.requests.resize(kept);
}

Duration SpanOf(const Trace& trace) {
  if (trace.requests.size() < 2) return Duration();
  return trace.requests.back().arrival - trace.requests.front().arrival;
}

}  // namespace cairn
