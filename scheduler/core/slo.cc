#include "scheduler/core/slo.h"

#include <algorithm>
#include <utility>

namespace cairn {

LatencyClasses::LatencyClasses()
    : classes_{{"interactive", {.ttft = Seconds(1), .tpot = Milliseconds(50)}, 0},
               {"standard", {.ttft = Seconds(5), .tpot = Milliseconds(100)}, 0},
               {"batch", {.ttft = Seconds(60), .tpot = {}}, 1}},
      default_(1) {}

LatencyClasses::LatencyClasses(LatencyClass only) : classes_{std::move(only)} {}

bool LatencyClasses::Set(LatencyClass one) {
  const auto found = std::ranges::find(classes_, one.name, &LatencyClass::name);
  if (found != classes_.end()) {
    *found = std::move(one);
    return true;
  }
  if (classes_.size() >= kClassesMax) return false;
  classes_.push_back(std::move(one));
  return true;
}

bool LatencyClasses::SetDefault(std::string_view name) {
  const std::optional<size_t> found = name.empty() ? std::nullopt : Find(name);
  if (found) default_ = *found;
  return found.has_value();
}

std::optional<size_t> LatencyClasses::Find(std::string_view name) const {
  if (name.empty()) return default_;
  const auto found = std::ranges::find(classes_, name, &LatencyClass::name);
  if (found == classes_.end()) return std::nullopt;
  return static_cast<size_t>(found - classes_.begin());
}

std::string LatencyClasses::Names() const {
  std::string names;
  for (const LatencyClass& one : classes_) {
    if (!names.empty()) names += ", ";
    names += one.name;
  }
  return names;
}

size_t LatencyClasses::Complete(GenerationRequest& request) const {
  const size_t index = Find(request.latency_class).value_or(default_);
  const LatencyClass& one = classes_[index];
  request.latency_class = one.name;
  if (request.slo.ttft == Duration()) request.slo.ttft = one.target.ttft;
  if (request.slo.tpot == Duration()) request.slo.tpot = one.target.tpot;
  // Saturating: a client may say what it likes.
  const int64_t priority = int64_t{request.priority} + one.priority;
  request.priority = static_cast<int32_t>(std::clamp<int64_t>(priority, INT32_MIN, INT32_MAX));
  return index;
}

void CountTtft(const SloTarget& target, Duration ttft, ClassAttainment& counts) {
  if (target.ttft == Duration()) return;
  ++(ttft <= target.ttft ? counts.ttft_attained : counts.ttft_missed);
}

void CountTpot(const SloTarget& target, const ChoicePace& pace, ClassAttainment& counts) {
  const std::optional<Duration> tpot = pace.tpot();
  if (target.tpot == Duration() || !tpot) return;
  ++(*tpot <= target.tpot ? counts.tpot_attained : counts.tpot_missed);
}

}  // namespace cairn
