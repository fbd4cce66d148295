#include "tests/sim/checker/handoff_watch.h"

#include <algorithm>

#include "tests/sim/violation.h"

namespace cairn::sim {
namespace {

bool TakesNoPrompts(const WorkerView& worker) {
  return worker.role == PhaseRole::kDecodeHeavy && worker.step_tokens == 0;
}

}  // namespace

void HandoffWatch::OnView(uint32_t scheduler, const SchedulerCore& core, Instant now) {
  const bool alone = std::ranges::all_of(
      core.workers(), [](const auto& one) { return one.second.role == PhaseRole::kDecodeHeavy; });
  if (alone) alone_until_[scheduler] = now;
}

void HandoffWatch::OnAssign(uint32_t scheduler, const SchedulerCore& core, const Assign& assign,
                            NodeLife to) {
  const RequestId id = assign.request.id;
  CheckPlacement(scheduler, core, assign, to);
  CountFlow(core, assign, to);
  const bool moved_before = moving_.erase(id) > 0;
  if (assign.source) {
    ++tally_.begun;
    moving_.emplace(id, Handoff{*assign.source, to});
  } else if (moved_before) {
    ++tally_.broken_by_cut;
  }
  given_to_.insert_or_assign(id, to);
}

// A request that has been given up by its worker may come back to it; so may one that has come when
// there was nobody else.
void HandoffWatch::CheckPlacement(uint32_t scheduler, const SchedulerCore& core,
                                  const Assign& assign, NodeLife to) const {
  const RequestId id = assign.request.id;
  const auto worker = core.workers().find(to.node);
  if (worker == core.workers().end() || !TakesNoPrompts(worker->second) || assign.source) return;
  const auto before = given_to_.find(id);
  const bool stays = before != given_to_.end() && before->second == to && !assign.resume.empty();
  Demand(stays || arrived_.at(id) <= alone_until_[scheduler], "placement", to.node,
         " takes no prompts and is given that of ", id);
}

void HandoffWatch::CountFlow(const SchedulerCore& core, const Assign& assign, NodeLife to) {
  const RequestId id = assign.request.id;
  const auto is = [&](NodeId node, PhaseRole role) {
    const auto worker = core.workers().find(node);
    return worker != core.workers().end() && worker->second.role == role;
  };
  const bool was_away = away_.erase(id) > 0;
  if (is(to.node, PhaseRole::kPrefillHeavy) && !assign.yields) away_.insert(id);
  if (!assign.source) return;
  if (is(assign.source->node, PhaseRole::kDecodeHeavy) && is(to.node, PhaseRole::kPrefillHeavy)) {
    ++tally_.flowed;
  }
  if (was_away && is(to.node, PhaseRole::kDecodeHeavy)) ++tally_.flowed_back;
}

void HandoffWatch::OnEnd(RequestId request) {
  moving_.erase(request);
  away_.erase(request);
}

void HandoffWatch::OnDeath(NodeLife worker) {
  tally_.broken_by_death += std::erase_if(moving_, [&](const auto& one) {
    return one.second.source == worker || one.second.target == worker;
  });
}

}  // namespace cairn::sim
