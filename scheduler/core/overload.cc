#include "scheduler/core/overload.h"

#include <algorithm>

namespace cairn {
namespace {

constexpr Duration kRetryAtLeast = Seconds(1);
constexpr Duration kRetryAtMost = Seconds(3600);

// Kept free while somebody is expected: predictions are wrong by some percent.
uint64_t Reserve(const Gauge& gauge, uint32_t shows_q10) {
  return gauge.max / 8 * shows_q10 / 1024;
}

bool LetsIn(const Gauge& gauge, bool expected, uint32_t shows_q10) {
  const uint64_t then = gauge.level + gauge.need;
  if (then > gauge.max) return false;
  // At half of it there is room for both.
  if (expected || gauge.promised == 0 || then <= gauge.max / 2) return true;
  return then + gauge.promised + Reserve(gauge, shows_q10) <= gauge.max;
}

// Until it has fallen so far that one more fits behind all who were promised room before.
Duration TimeUntilRoom(const Gauge& gauge, uint32_t shows_q10) {
  const uint64_t wanted = gauge.level + gauge.promised + gauge.need + Reserve(gauge, shows_q10);
  if (wanted <= gauge.max || !gauge.falls.known()) return Duration();
  return gauge.falls.TimeFor(wanted - gauge.max);
}

}  // namespace

std::string_view NameOf(ShedReason reason) {
  switch (reason) {
    case ShedReason::kLiveRequests:
      return "live-requests";
    case ShedReason::kQueuedTokens:
      return "queued-tokens";
    case ShedReason::kTenantRequests:
      return "tenant-requests";
    case ShedReason::kTenantTokens:
      return "tenant-tokens";
    case ShedReason::kWaitTooLong:
      return "wait";
    case ShedReason::kTtftTooLong:
      return "ttft";
    case ShedReason::kTooLate:
      return "deadline";
    case ShedReason::kDraining:
      return "draining";
    case ShedReason::kNoWorker:
      return "no-worker";
  }
  return "unknown";
}

Gauge TimeGauge(ShedReason reason, Duration wait, Duration then, Duration promised, Duration max) {
  const auto whole = [](Duration time) {
    return static_cast<uint64_t>(std::max<int64_t>(0, time.nanoseconds()));
  };
  return {.reason = reason,
          .level = whole(wait),
          .need = whole(then),
          .promised = whole(promised),
          .max = whole(max),
          .falls = {1, 1}};
}

DoorVerdict JudgeAtDoor(std::span<const Gauge> gauges, bool expected, uint32_t shows_q10) {
  DoorVerdict verdict;
  for (const Gauge& gauge : gauges) {
    if (LetsIn(gauge, expected, shows_q10)) continue;
    // What does not fit even alone will fit at no time, whatever else is full just now.
    const bool hopeless = gauge.need > gauge.max;
    if (verdict.shed && (verdict.hopeless || !hopeless)) continue;
    verdict = {.shed = true, .reason = gauge.reason, .retry_after = {}, .hopeless = hopeless};
  }
  if (!verdict.shed) return verdict;
  Duration wait = kRetryAtLeast;
  if (verdict.hopeless) gauges = {};
  for (const Gauge& gauge : gauges) wait = std::max(wait, TimeUntilRoom(gauge, shows_q10));
  const int64_t seconds =
      (std::min(wait, kRetryAtMost).nanoseconds() + 999'999'999) / 1'000'000'000;
  verdict.retry_after = Seconds(seconds);
  return verdict;
}

}  // namespace cairn
