#include "scheduler/core/phase_placer.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "scheduler/core/route_cost.h"

namespace cairn {
namespace {

bool FitsBelowWatermark(const WorkerView& worker, uint32_t block_tokens, uint64_t tokens,
                        const PhaseOptions& phases) {
  const uint64_t capacity = KvCapacity(worker, block_tokens);
  return KvUsed(worker, block_tokens) + tokens <= capacity / 100 * phases.watermark_percent;
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

std::optional<RouteChoice> PlacePrefill(const RouteRequest& request, const FleetView& fleet,
                                        const RoutingOptions& routing, const PhaseOptions& phases) {
  if (!phases.length_aware) return std::nullopt;
  const Duration target = request.ttft_slo > Duration() ? request.ttft_slo : routing.ttft_slo;
  const Duration slack = target * phases.slack_percent / 100;
  std::optional<RouteChoice> best;
  for (size_t i = 0; i < fleet.workers.size(); ++i) {
    const WorkerView& worker = *fleet.workers[i];
    if (worker.step_tokens == 0) continue;  // a strict split
    if (!FitsBelowWatermark(worker, fleet.block_tokens, request.prompt_tokens, phases)) continue;
    const RouteCost cost = CostAt(request, fleet, i, routing.cost);
    if (cost.ttft() > slack || (best && best->cost.ttft() <= cost.ttft())) continue;
    best = RouteChoice{.worker = i, .reason = RouteReason::kSlack, .cost = cost};
  }
  return best;
}

std::optional<NodeId> PlaceDecode(std::span<const WorkerView* const> workers, uint32_t block_tokens,
                                  uint64_t tokens, std::optional<NodeId> except, bool room_only,
                                  const PhaseOptions& phases) {
  const WorkerView* best = nullptr;
  int64_t best_free = 0;
  for (const WorkerView* worker : workers) {
    if (worker->node == except) continue;
    if (room_only && !FitsBelowWatermark(*worker, block_tokens, tokens, phases)) continue;
    const auto free = static_cast<int64_t>(KvCapacity(*worker, block_tokens) / 2) -
                      static_cast<int64_t>(KvUsed(*worker, block_tokens) / 2);
    if (best != nullptr && free <= best_free) continue;
    best = worker;
    best_free = free;
  }
  return best == nullptr ? std::nullopt : std::optional(best->node);
}

std::vector<RequestId> PlanFlow(std::vector<FlowCandidate> candidates, uint64_t used,
                                uint64_t leaving, uint64_t capacity, const PhaseOptions& phases) {
  const uint64_t watermark = capacity / 100 * phases.watermark_percent;
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

bool FlowsBack(Duration tpot, Duration target, const PhaseOptions& phases) {
  return target > Duration() && tpot >= target * phases.backflow_percent / 100;
}

}  // namespace cairn
