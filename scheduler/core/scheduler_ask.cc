// Asking before choosing: the part of the scheduler core for where several share the workers.
//
// What a scheduler knows of a worker is as old as the worker's last word, and of what others keep
// in their lines or have just sent it knows nothing. So before a request is placed, those that it
// could go to are asked, which takes one round trip of a word about a request. Answers are soft:
// who does not answer in time, or is lost, is judged by what is known; what comes later still says
// how busy the worker was.
#include <algorithm>
#include <utility>

#include "scheduler/core/scheduler_core.h"

namespace cairn {
namespace {

// Of a prompt. What lies between two of them is not seen.
constexpr size_t kMarks = 32;

std::vector<PrefixMark> MarksOf(std::span<const BlockKey> chain) {
  std::vector<PrefixMark> marks;
  const size_t count = std::min(kMarks, chain.size());
  for (size_t i = 1; i <= count; ++i) {
    const size_t blocks = chain.size() * i / count;
    const BlockKey& key = chain[blocks - 1];
    marks.push_back({static_cast<uint32_t>(blocks), key.high, key.low});
  }
  return marks;
}

}  // namespace

void ShareWorkers(SchedulerLimits& limits, Duration ask_wait) {
  constexpr uint64_t kSharedAheadTokens = 16'384;
  limits.ask_wait = ask_wait;
  limits.unprefilled_tokens_max = std::max(limits.unprefilled_tokens_max, kSharedAheadTokens);
}

// False: there is nobody to choose between.
bool SchedulerCore::AskFirst(const Request& request, const Placement& placement, Instant now) {
  if (limits_.ask_wait == Duration() || !placement.by_policy) return false;
  const RequestId id = request.body.id;
  std::vector<size_t> asked = policy_->CandidatesOf(RouteRequestOf(request), Fleet(now));
  std::ranges::sort(asked);
  asked.erase(std::ranges::unique(asked).begin(), asked.end());
  if (asked.size() < 2) return false;
  // Not always the same ones.
  if (asked.size() > limits_.asks_max) {
    std::ranges::rotate(asked, asked.begin() + static_cast<int64_t>(id.value() % asked.size()));
    asked.resize(limits_.asks_max);
  }
  policy_->TakeBack(*placement.by_policy);
  ++counts_.asks;
  Asking& asking = asking_[id];
  asking.until = now + limits_.ask_wait;
  ask_ends_.emplace(asking.until, id);
  const std::vector<PrefixMark> marks = MarksOf(request.chain);
  for (const size_t worker : asked) {
    const WorkerView& view = *fleet_[worker];
    asking.awaited.insert(view.node);
    actions_.push_back(SendAssignment{view.node, view.epoch, cairn::Ask{id, marks}});
  }
  return true;
}

void SchedulerCore::HearAnswer(WorkerView& worker, const AskAnswered& answer, Instant now) {
  worker.backlog.Hear(answer.prefill_tokens_left, now);
  worker.answered_steps = answer.steps;
  const auto asking = asking_.find(answer.request);
  if (asking == asking_.end() || asking->second.awaited.erase(worker.node) == 0) return;
  asking->second.found.push_back({worker.node, answer.blocks});
}

bool SchedulerCore::StillAsking(RequestId id, Instant now) const {
  const auto asking = asking_.find(id);
  return asking != asking_.end() && !asking->second.awaited.empty() && now < asking->second.until;
}

// What was said of it so far. Empty for a request about which nobody was asked.
std::vector<PromptFound> SchedulerCore::EndAsking(RequestId id) {
  auto asking = asking_.extract(id);
  if (asking.empty()) return {};
  ask_ends_.erase({asking.mapped().until, id});
  counts_.asks_late += !asking.mapped().awaited.empty();
  return std::move(asking.mapped().found);
}

// It is lost, and what it has said with it.
void SchedulerCore::ForgetAsked(NodeId worker) {
  for (auto& [id, asking] : asking_) {
    asking.awaited.erase(worker);
    std::erase_if(asking.found, [&](const PromptFound& answer) { return answer.worker == worker; });
  }
}

}  // namespace cairn
