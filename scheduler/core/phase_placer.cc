#include "scheduler/core/phase_placer.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "scheduler/core/route_cost.h"

namespace cairn {
namespace {

bool Fits(const WorkerView& worker, uint32_t block_tokens, uint64_t tokens, uint32_t percent) {
  if (percent == kAnyRoom) return true;
  return KvUsed(worker, block_tokens) + tokens <= KvPart(KvCapacity(worker, block_tokens), percent);
}

// Of those who can take it; the lower node of equals.
template <typename CanTake>
std::optional<NodeId> MostFree(std::span<const WorkerView* const> workers, uint32_t block_tokens,
                               const CanTake& can_take) {
  std::optional<NodeId> best;
  int64_t best_free = 0;
  for (const WorkerView* worker : workers) {
    if (!can_take(*worker)) continue;
    // Halves, so that room without end can be compared with less than none.
    const auto free = static_cast<int64_t>(KvCapacity(*worker, block_tokens) / 2) -
                      static_cast<int64_t>(KvUsed(*worker, block_tokens) / 2);
    if (best && free <= best_free) continue;
    best = worker->node;
    best_free = free;
  }
  return best;
}

}  // namespace

uint64_t KvCapacity(const WorkerView& worker, uint32_t block_tokens) {
  if (worker.load.device_slots == 0) return std::numeric_limits<uint64_t>::max();
  return uint64_t{worker.load.device_slots} * block_tokens;
}

uint64_t KvUsed(const WorkerView& worker, uint32_t block_tokens) {
  const uint64_t said =
      uint64_t{worker.load.device_slots - worker.load.device_slots_free} * block_tokens;
  return std::max(said, worker.kv_tokens);
}

uint64_t KvPart(uint64_t tokens, uint32_t percent) {
  return tokens / 100 * percent + tokens % 100 * percent / 100;  // room without end has a part too
}

std::optional<RouteChoice> PlacePrefill(const RouteRequest& request, const FleetView& fleet,
                                        const RoutingOptions& routing, const PhaseOptions& phases) {
  if (!phases.length_aware) return std::nullopt;
  const Duration target = request.ttft_slo > Duration() ? request.ttft_slo : routing.ttft_slo;
  const Duration slack = target * phases.slack_percent / 100;
  const Duration beside = phases.tpot_slo * phases.beside_percent / 100;
  std::optional<RouteChoice> best;
  for (size_t i = 0; i < fleet.workers.size(); ++i) {
    const WorkerView& worker = *fleet.workers[i];
    if (worker.step_tokens == 0) continue;  // a strict split
    const bool decodes = worker.live_requests > 0 && beside > Duration();
    if (decodes && worker.TimeFor(worker.step_tokens) > beside) continue;
    if (!Fits(worker, fleet.block_tokens, request.prompt_tokens, phases.watermark_percent)) {
      continue;
    }
    const RouteCost cost = CostAt(request, fleet, i, routing.cost);
    if (cost.ttft() > slack || (best && best->cost.ttft() <= cost.ttft())) continue;
    best = RouteChoice{.worker = i, .reason = RouteReason::kSlack, .cost = cost};
  }
  return best;
}

std::optional<NodeId> PlaceDecode(std::span<const WorkerView* const> workers, uint32_t block_tokens,
                                  uint64_t tokens, std::optional<NodeId> except, uint32_t percent) {
  return MostFree(workers, block_tokens, [&](const WorkerView& worker) {
    return worker.node != except && Fits(worker, block_tokens, tokens, percent);
  });
}

bool CanAfford(const DecodePace& pace, const WorkerView& worker, const PhaseOptions& phases) {
  if (pace.target == Duration()) return true;
  const int64_t said = int64_t{pace.output} - 1;
  const int64_t more = phases.afford_tokens;
  const Duration step = worker.TimeFor(worker.step_tokens);
  return pace.tpot * said + step * more <= pace.target * phases.late_percent / 100 * (said + more);
}

std::optional<NodeId> PlaceFlow(std::span<const WorkerView* const> workers, uint32_t block_tokens,
                                uint64_t tokens, const DecodePace& pace,
                                const PhaseOptions& phases) {
  return MostFree(workers, block_tokens, [&](const WorkerView& worker) {
    const uint64_t wanted = tokens + worker.queued_tokens;
    return Fits(worker, block_tokens, wanted, phases.lent_percent) &&
           CanAfford(pace, worker, phases);
  });
}

std::vector<RequestId> PlanFlow(std::vector<FlowCandidate> candidates, uint64_t used,
                                uint64_t leaving, uint64_t capacity, const PhaseOptions& phases) {
  const uint64_t watermark = KvPart(capacity, phases.watermark_percent);
  std::vector<RequestId> flow;
  if (used - std::min(used, leaving) <= watermark) return flow;
  std::ranges::sort(candidates, [](const FlowCandidate& a, const FlowCandidate& b) {
    return std::tuple(b.output, a.order) < std::tuple(a.output, b.order);
  });
  for (const FlowCandidate& candidate : candidates) {
    if (used - std::min(used, leaving) <= watermark) break;
    flow.push_back(candidate.request);
    leaving += candidate.kv_tokens;
  }
  return flow;
}

}  // namespace cairn
