#include "scheduler/simulator/attainment.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace cairn {
namespace {

template <typename Value>
double Share(Value part, Value whole) {
  return whole == Value() ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// The smallest value that at least `percent` of the sorted values do not exceed.
Duration Rank(const std::vector<Duration>& sorted, size_t percent) {
  const size_t rank = (sorted.size() * percent + 99) / 100;
  return sorted[std::max<size_t>(rank, 1) - 1];
}

bool Counts(const RequestRecord& request, Instant from) {
  return request.outcome == RequestOutcome::kNotArrived || request.arrival >= from;
}

void CountOutcome(const RequestRecord& request, ClusterSummary& summary) {
  switch (request.outcome) {
    case RequestOutcome::kFinished:
      ++summary.finished;
      break;
    case RequestOutcome::kCancelled:
      ++summary.cancelled;
      break;
    case RequestOutcome::kFailed:
      ++summary.failed;
      break;
    case RequestOutcome::kShed:
      ++summary.shed;
      break;
    case RequestOutcome::kExpired:
      ++summary.expired;
      break;
    case RequestOutcome::kNotArrived:
    case RequestOutcome::kUnfinished:
      ++summary.unfinished;
      break;
  }
}

void AddWorkers(const ClusterResult& result, ClusterSummary& summary) {
  Duration busy, busiest;
  for (const WorkerRecord& worker : result.workers) {
    busy = busy + worker.busy;
    busiest = std::max(busiest, worker.busy);
    summary.fetches += worker.prefixes;
  }
  const auto workers = static_cast<int64_t>(result.workers.size());
  summary.busy_share = Share(busy.nanoseconds(), summary.span.nanoseconds() * workers);
  summary.imbalance = Share(busiest.nanoseconds() * workers, busy.nanoseconds());
}

}  // namespace

bool Attains(const RequestRecord& request, const SloTarget& target) {
  if (request.outcome != RequestOutcome::kFinished || !request.has_first_token()) return false;
  return !MissesTtft(request, target) && !MissesTpot(request, target);
}

double Attainment(std::span<const RequestRecord> requests, const RunTargets& targets,
                  Instant from) {
  size_t counted = 0, attained = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const RequestRecord& request = requests[i];
    if (!Counts(request, from) || request.outcome == RequestOutcome::kCancelled) continue;
    ++counted;
    attained += Attains(request, targets.at(i));
  }
  return counted == 0 ? 1.0 : Share(attained, counted);
}

Percentiles PercentilesOf(std::vector<Duration> values) {
  Percentiles out{.count = values.size()};
  if (values.empty()) return out;
  std::ranges::sort(values);
  Duration sum;
  for (Duration value : values) sum = sum + value;
  out.mean = sum / static_cast<int64_t>(values.size());
  out.p50 = Rank(values, 50);
  out.p90 = Rank(values, 90);
  out.p99 = Rank(values, 99);
  out.max = values.back();
  return out;
}

std::vector<Duration> CurveOf(std::vector<Duration> values) {
  std::vector<Duration> curve;
  if (values.empty()) return curve;
  std::ranges::sort(values);
  for (size_t percent = 0; percent <= 100; ++percent) curve.push_back(Rank(values, percent));
  return curve;
}

std::vector<Duration> TtftsOf(std::span<const RequestRecord> requests, Instant from) {
  std::vector<Duration> all;
  for (const RequestRecord& request : requests) {
    if (Counts(request, from) && request.has_first_token()) all.push_back(request.ttft());
  }
  return all;
}

std::vector<Duration> TpotsOf(std::span<const RequestRecord> requests, Instant from) {
  std::vector<Duration> all;
  for (const RequestRecord& request : requests) {
    if (Counts(request, from) && request.tokens >= 2) all.push_back(request.tpot());
  }
  return all;
}

ClusterSummary Summarize(const ClusterResult& result, const RunTargets& targets, Instant from) {
  ClusterSummary out;
  std::vector<Duration> gap, queue;
  std::optional<Instant> first;
  Instant last;
  for (const RequestRecord& request : result.requests) {
    if (request.outcome == RequestOutcome::kNotArrived) continue;
    first = std::min(first.value_or(request.arrival), request.arrival);
    last = std::max(last, request.ended);
  }
  for (size_t i = 0; i < result.requests.size(); ++i) {
    const RequestRecord& request = result.requests[i];
    if (!Counts(request, from)) continue;
    ++out.requests;
    CountOutcome(request, out);
    out.output_tokens += request.tokens;
    out.preemptions += request.preemptions;
    if (request.dispatches > 0) {
      queue.push_back(request.dispatched - request.arrival);
      out.restarts += request.dispatches - 1;
    }
    if (request.prefilled != Instant()) {
      out.prompt_tokens += request.prompt_tokens;
      out.hit_device_tokens += request.cached_device_tokens;
      out.hit_dram_tokens += request.cached_dram_tokens;
      out.fetched_tokens += request.fetched_tokens;
    }
    if (request.outcome == RequestOutcome::kFinished) {
      out.missed_ttft += MissesTtft(request, targets.at(i));
      out.missed_tpot += MissesTpot(request, targets.at(i));
    }
    if (request.tokens >= 2) gap.push_back(request.gap_max);
  }
  out.attainment = Attainment(result.requests, targets, from);
  out.ttft = PercentilesOf(TtftsOf(result.requests, from));
  out.tpot = PercentilesOf(TpotsOf(result.requests, from));
  out.gap_max = PercentilesOf(std::move(gap));
  out.queue = PercentilesOf(std::move(queue));
  if (first && last > *first) out.span = last - *first;
  AddWorkers(result, out);
  return out;
}

}  // namespace cairn
