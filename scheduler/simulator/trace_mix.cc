#include "scheduler/simulator/trace_mix.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kvstore/base/prng.h"
#include "scheduler/simulator/trace_blocks.h"

namespace cairn {

namespace {

// Adds the names to `all`; by old number, the new one.
std::vector<uint32_t> JoinClasses(const std::vector<std::string>& names,
                                  std::vector<std::string>& all) {
  std::vector<uint32_t> numbers = {0};
  for (const std::string& name : names) {
    const auto known = std::ranges::find(all, name);
    numbers.push_back(static_cast<uint32_t>(known - all.begin() + 1));
    if (known == all.end()) all.push_back(name);
  }
  return numbers;
}

}  // namespace

absl::StatusOr<Trace> MixTraces(std::vector<Trace> traces) {
  if (traces.empty()) return absl::InvalidArgumentError("no traces to mix");
  Trace mixed;
  mixed.block_tokens = traces.front().block_tokens;
  mixed.measured_from = traces.front().measured_from;
  uint32_t sessions = 0, tenants = 0;
  for (size_t i = 0; i < traces.size(); ++i) {
    Trace& trace = traces[i];
    if (trace.block_tokens != mixed.block_tokens) {
      return absl::InvalidArgumentError(absl::StrCat(
          trace.name, " has blocks of ", trace.block_tokens, " tokens, ", traces.front().name,
          " of ", mixed.block_tokens, ": give them one size first (--block-tokens)"));
    }
    const auto first = static_cast<uint32_t>(mixed.requests.size());
    uint32_t sessions_end = sessions, tenants_end = tenants;
    const uint64_t salt = i == 0 ? 0 : SplitMix64(i);
    const std::vector<uint32_t> classes = JoinClasses(trace.classes, mixed.classes);
    for (TraceRequest& request : trace.requests) {
      request.session += sessions;
      request.tenant += tenants;
      request.latency_class = classes[request.latency_class];
      sessions_end = std::max(sessions_end, request.session + 1);
      tenants_end = std::max(tenants_end, request.tenant + 1);
      if (request.previous.has_value()) *request.previous += first;
      for (uint64_t& id : request.blocks) id = i == 0 ? id : SplitMix64(id ^ salt);
      mixed.requests.push_back(std::move(request));
    }
    sessions = sessions_end;
    tenants = tenants_end;
    mixed.measured_from = std::max(mixed.measured_from, trace.measured_from);
    absl::StrAppend(&mixed.name, i == 0 ? "" : " + ", trace.name);
    for (const std::string& step : trace.history) {
      mixed.history.push_back(traces.size() == 1 ? step : absl::StrCat(trace.name, ": ", step));
    }
  }
  SortByArrival(mixed);
  if (traces.size() > 1) {
    mixed.history.push_back(absl::StrCat("mixed: ", mixed.requests.size(), " requests"));
  }
  return mixed;
}

absl::Status RepeatTo(Trace& trace, size_t requests, uint64_t seed) {
  const size_t once = trace.requests.size();
  if (requests < once || requests > UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("a trace of ", once, " requests cannot be repeated to ", requests));
  }
  if (once == 0 || requests / once + 1 > kTraceBlocksMax / std::max<uint64_t>(1, BlocksOf(trace))) {
    return absl::ResourceExhaustedError("repeating the trace takes over 2^28 blocks");
  }
  // One mean gap between the last of one round and the first of the next.
  const Duration span = SpanOf(trace);
  const Duration period = span + span / static_cast<int64_t>(std::max<size_t>(1, once - 1));
  uint32_t sessions = 0;
  for (const TraceRequest& request : trace.requests) sessions = std::max(sessions, request.session);
  if (period.seconds() * static_cast<double>(requests / once + 1) > 100.0 * 366 * 86'400) {
    return absl::InvalidArgumentError("repeating the trace takes over a century");
  }
  if ((uint64_t{sessions} + 1) * (requests / once + 1) > UINT32_MAX) {
    return absl::InvalidArgumentError("repeating the trace takes over 2^32 sessions");
  }
  trace.requests.reserve(requests);
  for (size_t i = once; i < requests; ++i) {
    const auto round = static_cast<uint32_t>(i / once);
    TraceRequest request = trace.requests[i % once];
    request.arrival = request.arrival + period * round;
    request.session += round * (sessions + 1);
    if (request.previous.has_value()) *request.previous += static_cast<uint32_t>(round * once);
    const uint64_t salt = SplitMix64(SplitMix64(seed) + round);
    for (uint64_t& id : request.blocks) id = SplitMix64(id ^ salt);
    trace.requests.push_back(std::move(request));
  }
  trace.history.push_back(
      absl::StrFormat("repeated every %.6g s with other contents (seed %d): %d requests",
                      period.seconds(), seed, requests));
  return absl::OkStatus();
}

}  // namespace cairn
