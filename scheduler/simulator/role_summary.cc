#include "scheduler/simulator/role_summary.h"

#include <algorithm>
#include <array>

#include "scheduler/simulator/request_stay.h"

namespace cairn {
namespace {

constexpr size_t kRoles = 3;

double Share(double part, double whole) { return whole > 0 ? part / whole : 0; }

// Sums over the workers of a role, in seconds.
struct RoleSums {
  RoleSummary summary;
  double busy = 0, busiest = 0, prefilling = 0, decoding = 0, slots_used = 0, slots = 0;

  void Add(const WorkerRecord& worker) {
    ++summary.workers;
    const double one = worker.busy.seconds();
    busy += one;
    busiest = std::max(busiest, one);
    slots_used += static_cast<double>(worker.slot_nanoseconds) / 1e9;
    slots += one * worker.device_slots;
    summary.prefill_tokens += worker.prefill_tokens;
    summary.decode_tokens += worker.decode_tokens;
    summary.handoffs_in += worker.handoffs_in;
    summary.handoffs_out += worker.handoffs_out;
  }
  // A stay of a request whose first token came at `first`.
  void Add(const RequestStay& stay, Instant first) {
    const Instant turn = std::clamp(first, stay.from, stay.until);
    prefilling += (turn - stay.from).seconds();
    decoding += (stay.until - turn).seconds();
  }
  RoleSummary Finish(Duration span) const {
    RoleSummary out = summary;
    const double time = span.seconds() * static_cast<double>(out.workers);
    out.busy_share = Share(busy, time);
    out.imbalance = Share(busiest * static_cast<double>(out.workers), busy);
    out.prefilling = Share(prefilling, time);
    out.decoding = Share(decoding, time);
    out.kv_share = Share(slots_used, slots);
    return out;
  }
};

}  // namespace

std::string_view NameOf(PhaseRole role) {
  switch (role) {
    case PhaseRole::kPrefillHeavy:
      return "prefill-heavy";
    case PhaseRole::kDecodeHeavy:
      return "decode-heavy";
    case PhaseRole::kMixed:
      break;
  }
  return "mixed";
}

std::vector<RoleSummary> SummarizeRoles(const ClusterResult& result, Duration span) {
  std::array<RoleSums, kRoles> sums;
  const auto of = [&](uint32_t worker) -> RoleSums& {
    return sums[static_cast<size_t>(result.workers[worker].role)];
  };
  for (uint32_t worker = 0; worker < result.workers.size(); ++worker) {
    of(worker).Add(result.workers[worker]);
  }
  for (const RequestRecord& request : result.requests) {
    const Instant first = request.has_first_token() ? request.first_token : result.end;
    for (const RequestStay& stay : StaysOf(request, result.end)) {
      if (stay.worker < result.workers.size()) of(stay.worker).Add(stay, first);
    }
  }
  std::vector<RoleSummary> out;
  for (size_t role = 0; role < kRoles; ++role) {
    sums[role].summary.role = static_cast<PhaseRole>(role);
    if (sums[role].summary.workers > 0) out.push_back(sums[role].Finish(span));
  }
  return out;
}

}  // namespace cairn
