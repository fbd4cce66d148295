#include "scheduler/simulator/arrival_shape.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kvstore/base/prng.h"
#include "scheduler/simulator/trace_blocks.h"
#include "scheduler/simulator/trace_mix.h"

namespace cairn {
namespace {

constexpr double kSecondsMax = 100.0 * 366 * 86'400;

Instant Scaled(Instant at, double factor) {
  return Instant::FromNanoseconds(std::llround(static_cast<double>(at.nanoseconds()) * factor));
}

// The first request at 0 again.
void Rebase(Trace& trace) {
  if (trace.requests.empty()) return;
  const Duration start = trace.requests.front().arrival - Instant();
  for (TraceRequest& request : trace.requests) request.arrival = request.arrival - start;
}

// Runs of requests that arrive at one instant: where each begins, and the end of the last.
std::vector<size_t> RunsOf(const std::vector<TraceRequest>& requests) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (i == 0 || requests[i].arrival != requests[i - 1].arrival) starts.push_back(i);
  }
  starts.push_back(requests.size());
  return starts;
}

// The usual distance of two instants with arrivals: their median.
Duration TickOf(const Trace& trace, const std::vector<size_t>& runs) {
  std::vector<Duration> gaps;
  for (size_t i = 0; i + 2 < runs.size(); ++i) {
    gaps.push_back(trace.requests[runs[i + 1]].arrival - trace.requests[runs[i]].arrival);
  }
  if (gaps.empty()) return Duration();
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return *middle;
}

// Where the `count` requests of a tick come, as parts of it in increasing order.
std::vector<double> PlacesInTick(size_t count, bool seeded, Prng& prng) {
  std::vector<double> places(count);
  for (size_t i = 0; i < count; ++i) {
    places[i] = seeded ? prng.Uniform() : static_cast<double>(i) / static_cast<double>(count);
  }
  std::sort(places.begin(), places.end());
  return places;
}

}  // namespace

bool IsClosedLoop(const Trace& trace) {
  return std::any_of(trace.requests.begin(), trace.requests.end(),
                     [](const TraceRequest& request) { return request.previous.has_value(); });
}

void SpreadTicks(Trace& trace, TickSpread spread, uint64_t seed) {
  if (IsClosedLoop(trace)) return;
  const std::vector<size_t> runs = RunsOf(trace.requests);
  if (spread == TickSpread::kDetect) {
    const bool ticks = (runs.size() - 1) * 2 < trace.requests.size();
    spread = ticks ? TickSpread::kEvenly : TickSpread::kLiteral;
  }
  const Duration tick = TickOf(trace, runs);
  if (spread == TickSpread::kLiteral || tick <= Duration()) return;
  Prng prng(SplitMix64(seed) ^ 0x7469636b);
  for (size_t run = 0; run + 1 < runs.size(); ++run) {
    const Instant start = trace.requests[runs[run]].arrival;
    Duration width = tick;
    if (run + 2 < runs.size())
      width = std::min(tick, trace.requests[runs[run + 1]].arrival - start);
    const std::vector<double> places =
        PlacesInTick(runs[run + 1] - runs[run], spread == TickSpread::kSeeded, prng);
    for (size_t i = 0; i < places.size(); ++i) {
      const double offset = places[i] * static_cast<double>(width.nanoseconds());
      trace.requests[runs[run] + i].arrival = start + Nanoseconds(static_cast<int64_t>(offset));
    }
  }
  trace.history.push_back(absl::StrFormat(
      "spread ticks of %.3g s %s", tick.seconds(),
      spread == TickSpread::kSeeded ? absl::StrCat("at random over each (seed ", seed, ")")
                                    : "evenly over each"));
}

absl::Status ScaleArrivals(Trace& trace, double factor) {
  if (!(factor > 0) || SpanOf(trace).seconds() / factor > kSecondsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(trace.name, ": arrivals cannot come ", factor, " times as fast"));
  }
  for (TraceRequest& request : trace.requests) {
    request.arrival = Scaled(request.arrival, 1 / factor);
  }
  trace.measured_from = Scaled(trace.measured_from, 1 / factor);
  trace.history.push_back(absl::StrFormat("arrivals %.4g times as fast", factor));
  return absl::OkStatus();
}

absl::Status ScaleToRate(Trace& trace, double rps) {
  const Duration span = SpanOf(trace);
  if (span <= Duration()) {
    return absl::InvalidArgumentError(
        trace.name +
        ": all requests come at once, so no rate can be kept; draw arrivals instead "
        "(--poisson)");
  }
  // n requests have n - 1 gaps.
  const double now = static_cast<double>(trace.requests.size() - 1) / span.seconds();
  if (absl::Status scaled = ScaleArrivals(trace, rps / now); !scaled.ok()) return scaled;
  trace.history.back() = absl::StrFormat("arrivals scaled from %.4g to %.4g requests/s", now, rps);
  return absl::OkStatus();
}

absl::Status PoissonArrivals(Trace& trace, double rps, uint64_t seed) {
  // Gaps of 50 times the mean do not happen.
  if (!(rps > 0) || 50 * static_cast<double>(trace.requests.size()) / rps > kSecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat(trace.name, ": no arrivals at ", rps, "/s"));
  }
  size_t starts = 0;
  for (const TraceRequest& request : trace.requests) starts += !request.previous.has_value();
  const double start_rps =
      rps * static_cast<double>(starts) / static_cast<double>(trace.requests.size());
  Prng prng(SplitMix64(seed) ^ 0x706f6973736f6e);
  double at_s = 0;
  std::vector<TraceRequest>& requests = trace.requests;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].previous.has_value()) {
      requests[i].arrival = requests[*requests[i].previous].arrival;
      continue;
    }
    requests[i].arrival = Instant::FromNanoseconds(std::llround(at_s * 1e9));
    at_s += -std::log(1 - prng.Uniform()) / start_rps;
  }
  SortByArrival(trace);
  trace.history.push_back(
      starts == requests.size()
          ? absl::StrFormat("Poisson arrivals, %.4g requests/s (seed %d)", rps, seed)
          : absl::StrFormat("%d starts of sessions as a Poisson process, %.4g/s, for %.4g "
                            "requests/s once as many end as start (seed %d)",
                            starts, start_rps, rps, seed));
  return absl::OkStatus();
}

void CapThink(Trace& trace, Duration think_max) {
  size_t capped = 0;
  for (TraceRequest& request : trace.requests) {
    if (request.think <= think_max) continue;
    request.think = think_max;
    ++capped;
  }
  trace.history.push_back(absl::StrFormat("%d pauses cut to %.6g s", capped, think_max.seconds()));
}

void CutTime(Trace& trace, Duration from, Duration until) {
  std::vector<bool> keep;
  keep.reserve(trace.requests.size());
  for (const TraceRequest& request : trace.requests) {
    const Duration at = request.arrival - Instant();
    keep.push_back(at >= from && at < until);
  }
  KeepRequests(trace, keep);
  Rebase(trace);
  trace.history.push_back(absl::StrFormat("cut to [%.6g s, %.6g s): %d requests", from.seconds(),
                                          until.seconds(), trace.requests.size()));
}

void CutRequests(Trace& trace, size_t first, size_t count) {
  std::vector<bool> keep(trace.requests.size());
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = i >= first && i - first < count;
  KeepRequests(trace, keep);
  Rebase(trace);
  trace.history.push_back(
      absl::StrCat("cut to ", trace.requests.size(), " requests from request ", first));
}

void DropLongInputs(Trace& trace, uint32_t input_tokens_max) {
  std::vector<bool> keep;
  keep.reserve(trace.requests.size());
  for (const TraceRequest& request : trace.requests) {
    keep.push_back(request.input_tokens <= input_tokens_max);
  }
  const size_t before = trace.requests.size();
  KeepRequests(trace, keep);
  Rebase(trace);
  trace.history.push_back(absl::StrCat("left out ", before - trace.requests.size(), " of ", before,
                                       " requests, over ", input_tokens_max, " input tokens"));
}

namespace {

absl::Status Pace(Trace& trace, const TraceShape& shape) {
  if (shape.speed != 1) {
    if (absl::Status done = ScaleArrivals(trace, shape.speed); !done.ok()) return done;
  }
  if (shape.rate_rps == 0) return absl::OkStatus();
  if (shape.poisson || IsClosedLoop(trace)) {
    return PoissonArrivals(trace, shape.rate_rps, shape.seed);
  }
  return ScaleToRate(trace, shape.rate_rps);
}

}  // namespace

absl::Status ShapeTrace(Trace& trace, const TraceShape& shape) {
  if (shape.poisson && shape.rate_rps == 0) {
    return absl::InvalidArgumentError("Poisson arrivals need a rate (--rate)");
  }
  if (shape.input_tokens_max > 0) DropLongInputs(trace, shape.input_tokens_max);
  if (shape.from > Duration() || shape.until.has_value()) {
    CutTime(trace, shape.from, shape.until.value_or(SpanOf(trace) + Nanoseconds(1)));
  }
  if (shape.first_request > 0 || shape.request_count > 0) {
    CutRequests(trace, shape.first_request,
                shape.request_count > 0 ? shape.request_count : trace.requests.size());
  }
  if (trace.requests.empty()) {
    return absl::InvalidArgumentError(trace.name + ": no requests are left of it");
  }
  if (shape.block_tokens > 0 && shape.block_tokens != trace.block_tokens) {
    if (absl::Status done = Reblock(trace, shape.block_tokens); !done.ok()) return done;
  }
  if (shape.think_max.has_value()) CapThink(trace, *shape.think_max);
  if (!shape.poisson) SpreadTicks(trace, shape.ticks, shape.seed);
  if (shape.repeat_to > 0) {
    if (absl::Status done = RepeatTo(trace, shape.repeat_to, shape.seed); !done.ok()) return done;
  }
  if (absl::Status done = Pace(trace, shape); !done.ok()) return done;
  if (shape.permute_ids) PermuteIds(trace, shape.seed);
  if (shape.warm_up_requests > 0) {
    if (shape.warm_up_requests >= trace.requests.size()) {
      return absl::InvalidArgumentError(absl::StrCat(trace.name, ": ", shape.warm_up_requests,
                                                     " requests of warm-up leave none of ",
                                                     trace.requests.size()));
    }
    trace.measured_from = trace.requests[shape.warm_up_requests].arrival;
    trace.history.push_back(absl::StrFormat("warm-up: the first %d requests, until %.6g s",
                                            shape.warm_up_requests,
                                            (trace.measured_from - Instant()).seconds()));
  }
  return absl::OkStatus();
}

}  // namespace cairn
