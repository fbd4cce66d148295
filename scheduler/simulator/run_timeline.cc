#include "scheduler/simulator/run_timeline.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "scheduler/simulator/request_stay.h"

namespace cairn {
namespace {

double Share(double part, double whole) { return whole > 0 ? part / whole : 0; }

// Sums of time by slices.
class SliceSums {
 public:
  SliceSums(Duration slice, size_t count) : slice_(slice), seconds_(count) {}

  void Add(Instant from, Instant until) {
    while (from < until) {
      const int64_t slice = from.nanoseconds() / slice_.nanoseconds();
      if (static_cast<size_t>(slice) >= seconds_.size()) return;
      const Instant end = std::min(until, Instant() + slice_ * (slice + 1));
      seconds_[static_cast<size_t>(slice)] += (end - from).seconds();
      from = end;
    }
  }
  double at(size_t slice) const { return seconds_[slice]; }
  double MeanAt(size_t slice) const { return seconds_[slice] / slice_.seconds(); }

 private:
  Duration slice_;
  std::vector<double> seconds_;
};

// When a worker was alive, by slices.
std::vector<SliceSums> AliveOf(const ClusterOptions& options, size_t workers, size_t slices,
                               Instant end) {
  std::vector<WorldEvent> world = options.world;
  std::ranges::stable_sort(world, {}, &WorldEvent::at);
  std::vector<std::optional<Instant>> since(workers);
  std::fill_n(since.begin(), std::min(workers, options.workers.size()), Instant());
  std::vector<SliceSums> alive(workers, SliceSums(options.slice, slices));
  const auto die = [&](uint32_t worker, Instant at) {
    if (worker >= workers || !since[worker]) return;
    alive[worker].Add(*std::exchange(since[worker], std::nullopt), std::min(at, end));
  };
  size_t added = options.workers.size();
  for (const WorldEvent& event : world) {
    if (event.at > end) break;
    if (const auto* dies = std::get_if<WorkerDies>(&event.what)) die(dies->worker, event.at);
    if (const auto* gone = std::get_if<WorkerRemoved>(&event.what)) die(gone->worker, event.at);
    if (const auto* back = std::get_if<WorkerReturns>(&event.what)) {
      if (back->worker < workers && !since[back->worker]) since[back->worker] = event.at;
    }
    if (std::holds_alternative<WorkerAdded>(event.what) && added < workers) {
      since[added++] = event.at;
    }
  }
  for (uint32_t worker = 0; worker < workers; ++worker) die(worker, end);
  return alive;
}

// How many requests were on each worker, by slices.
std::vector<SliceSums> RequestsOn(const ClusterResult& result, const RunTimeline& timeline) {
  std::vector<SliceSums> all(result.workers.size(),
                             SliceSums(timeline.slice, timeline.slices.size()));
  for (const RequestRecord& request : result.requests) {
    for (const RequestStay& stay : StaysOf(request, result.end)) {
      if (stay.worker < all.size()) all[stay.worker].Add(stay.from, stay.until);
    }
  }
  return all;
}

void AddWorkers(const ClusterOptions& options, const ClusterResult& result, RunTimeline& out) {
  const std::vector<SliceSums> alive =
      AliveOf(options, result.workers.size(), out.slices.size(), result.end);
  const std::vector<SliceSums> requests = RequestsOn(result, out);
  for (size_t i = 0; i < out.slices.size(); ++i) {
    double busy = 0, lived = 0, busiest = 0, present = 0, fullest = 0;
    for (size_t w = 0; w < alive.size(); ++w) {
      const std::vector<Duration>& slices = result.workers[w].busy_by_slice;
      // A step that a worker's death cut short was counted as a whole.
      const double one = std::min(i < slices.size() ? slices[i].seconds() : 0.0, alive[w].at(i));
      busy += one;
      lived += alive[w].at(i);
      busiest = std::max(busiest, Share(one, alive[w].at(i)));
      present += requests[w].at(i);
      fullest = std::max(fullest, Share(requests[w].at(i), alive[w].at(i)));
    }
    TimeSlice& slice = out.slices[i];
    slice.workers = lived / options.slice.seconds();
    slice.busy_share = Share(busy, lived);
    if (busy > 0) slice.imbalance = busiest / slice.busy_share;
    if (present > 0 && lived > 0) slice.request_imbalance = fullest / (present / lived);
  }
}

void AddRequests(const ClusterResult& result, const RunTargets& targets, RunTimeline& out) {
  const size_t count = out.slices.size();
  SliceSums queued(out.slice, count), prefilling(out.slice, count), decoding(out.slice, count);
  struct Arrived {
    uint32_t counted = 0, attained = 0;
    uint64_t prompt_tokens = 0, hit_tokens = 0;
  };
  std::vector<Arrived> arrived(count);
  for (size_t i = 0; i < result.requests.size(); ++i) {
    const RequestRecord& request = result.requests[i];
    if (request.outcome == RequestOutcome::kNotArrived) continue;
    const Instant end = request.ended == Instant() ? result.end : request.ended;
    const Instant dispatched = request.dispatches > 0 ? request.dispatched : end;
    const Instant first = request.has_first_token() ? request.first_token : end;
    queued.Add(request.arrival, dispatched);
    prefilling.Add(dispatched, first);
    decoding.Add(first, end);
    const auto slice = static_cast<size_t>(request.arrival.nanoseconds() / out.slice.nanoseconds());
    if (slice >= count) continue;
    ++out.slices[slice].arrivals;
    if (request.outcome != RequestOutcome::kCancelled) {
      ++arrived[slice].counted;
      arrived[slice].attained += Attains(request, targets.at(i));
    }
    if (request.prefilled == Instant()) continue;
    arrived[slice].prompt_tokens += request.prompt_tokens;
    arrived[slice].hit_tokens += request.cached_tokens();
  }
  for (size_t i = 0; i < count; ++i) {
    TimeSlice& slice = out.slices[i];
    slice.queued = queued.MeanAt(i);
    slice.prefilling = prefilling.MeanAt(i);
    slice.decoding = decoding.MeanAt(i);
    if (arrived[i].counted > 0) slice.attainment = Share(arrived[i].attained, arrived[i].counted);
    slice.hit_share = Share(static_cast<double>(arrived[i].hit_tokens),
                            static_cast<double>(arrived[i].prompt_tokens));
  }
}

}  // namespace

RunTimeline TimelineOf(const ClusterOptions& options, const ClusterResult& result,
                       const RunTargets& targets) {
  RunTimeline out{.slice = options.slice, .slices = {}};
  if (options.slice <= Duration()) return out;
  // The last happening may be a world event or a beat long after the last request.
  Instant end;
  for (const RequestRecord& request : result.requests) end = std::max(end, request.ended);
  out.slices.resize(static_cast<size_t>(end.nanoseconds() / options.slice.nanoseconds()) + 1);
  AddWorkers(options, result, out);
  AddRequests(result, targets, out);
  return out;
}

std::vector<double> RequestsByWorker(const ClusterResult& result) {
  std::vector<double> seconds(result.workers.size());
  Instant first = result.end, last;
  for (const RequestRecord& request : result.requests) {
    if (request.outcome == RequestOutcome::kNotArrived) continue;
    first = std::min(first, request.arrival);
    last = std::max(last, request.ended);
    for (const RequestStay& stay : StaysOf(request, result.end)) {
      if (stay.worker < seconds.size()) {
        seconds[stay.worker] += (stay.until - stay.from).seconds();
      }
    }
  }
  for (double& one : seconds) one = Share(one, (last - first).seconds());
  return seconds;
}

}  // namespace cairn
