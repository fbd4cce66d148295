// Who is let in: the door of the scheduler core.
#include <algorithm>
#include <utility>
#include <vector>

#include "scheduler/core/overload.h"
#include "scheduler/core/scheduler_core.h"

namespace cairn {

Request SchedulerCore::MakeRequest(const RequestSubmitted& event, Instant now) {
  Request request;
  request.body = event.request;
  request.latency_class = classes_.Complete(request.body);
  request.tenant = tenants_.NumberOf(request.body.tenant);
  request.arrival = now;
  request.order = arrivals_;
  request.choices.resize(event.request.choices);
  request.paces.resize(event.request.choices);
  request.chain = KeysOf(event);
  return request;
}

// How long the worker needs until these are computed: by what its steps cost, or by what it was
// seen to get through, whichever is longer.
Duration SchedulerCore::WaitAt(const WorkerView& worker, uint64_t tokens) const {
  if (!worker.cost.known()) return Duration();  // it has not computed a prompt yet
  const Duration by_steps = worker.TimeFor(tokens);
  const Pace drain = worker.drain.pace();
  return drain.known() ? std::max(by_steps, drain.TimeFor(tokens)) : by_steps;
}

// Routes it as well: where it would go decides how long it would wait.
DoorVerdict SchedulerCore::Judge(const Request& request, Instant now,
                                 std::optional<Placement>& placement) {
  if (draining_) return {true, ShedReason::kDraining, Seconds(1)};
  if (workers_.empty()) return {true, ShedReason::kNoWorker, Seconds(1)};
  placement = Choose(request, {}, now);
  const WorkerView& worker = workers_.at(placement->node);
  appointments_.Forget(now);
  const bool expected = appointments_.Keep(request.tenant, now);
  const uint64_t work = placement->cost.work_tokens;

  const TenantAccount& tenant = tenants_.at(request.tenant);
  const Promised all = appointments_.promised(), own = appointments_.promised(request.tenant);
  const uint64_t prompt = request.body.prompt.size();
  // Of what leaves the queue or ends, a tenant's part is taken to be its part of what is there.
  const auto part = [](Pace pace, uint64_t of, uint64_t whole) {
    return whole == 0 ? pace
                      : Pace{static_cast<int64_t>(static_cast<__int128>(pace.amount) * of / whole),
                             pace.ns};
  };
  std::vector<Gauge> gauges = {
      {ShedReason::kLiveRequests, requests_.size(), 1, all.requests, limits_.live_requests_max,
       ending_.pace()},
      {ShedReason::kQueuedTokens, queue_.prompt_tokens(), prompt, all.prompt_tokens,
       limits_.queued_tokens_max, leaving_.pace()},
  };
  if (limits_.tenants.share_percent < 100) {
    gauges.push_back({ShedReason::kTenantRequests, tenant.live, 1, own.requests,
                      std::max<uint64_t>(1, tenants_.Bound(limits_.live_requests_max)),
                      part(ending_.pace(), tenant.live, requests_.size())});
    gauges.push_back({ShedReason::kTenantTokens, tenant.queued_tokens, prompt, own.prompt_tokens,
                      tenants_.Bound(limits_.queued_tokens_max),
                      part(leaving_.pace(), tenant.queued_tokens, queue_.prompt_tokens())});
  }

  const uint64_t on_worker = worker.TokensAhead(now) - worker.queued_tokens;
  QueuePlace place = PlaceOf(request);
  place.due = place.due + YieldAt(worker, work);
  const uint64_t ahead = queue_.WorkBefore(worker.node, tenants_, place) + on_worker;
  const Duration wait = WaitAt(worker, ahead);
  const Duration then = placement->cost.fetch + placement->cost.prefill;
  // Those who are expected go to all workers alike.
  const Duration promised = WaitAt(worker, all.work_tokens / workers_.size());
  gauges.push_back(TimeGauge(ShedReason::kWaitTooLong, wait, {}, promised, limits_.queue_wait_max));
  const Duration target = request.body.slo.ttft * limits_.early_reject_percent / 100;
  // What cannot be in time even on an idle worker would never be let in.
  if (then < target) {
    gauges.push_back(TimeGauge(ShedReason::kTtftTooLong, wait, then, promised, target));
  }
  if (request.body.deadline > Duration() && worker.cost.known()) {
    gauges.push_back(TimeGauge(ShedReason::kTooLate, wait, then, promised, request.body.deadline));
  }
  const DoorVerdict verdict = JudgeAtDoor(gauges, expected, appointments_.shows_q10());
  if (verdict.shed && !verdict.hopeless) {
    appointments_.Make(request.tenant, now + verdict.retry_after, prompt, work);
  }
  return verdict;
}

}  // namespace cairn
