#include "scheduler/simulator/trace_terms.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

uint64_t DrawOf(uint32_t session, uint64_t seed, uint64_t what) {
  return SplitMix64(SplitMix64(seed ^ what) ^ session);
}

}  // namespace

absl::Status AssignClasses(Trace& trace, const std::vector<ClassPart>& parts, uint64_t seed) {
  uint32_t percent = 0;
  std::string history = "classes by session:";
  for (const ClassPart& part : parts) {
    percent += part.percent;
    absl::StrAppend(&history, " ", part.name, " ", part.percent, " %");
    if (percent > 100) return absl::InvalidArgumentError("classes of over 100 percent of sessions");
    if (std::ranges::find(trace.classes, part.name) == trace.classes.end()) {
      trace.classes.push_back(part.name);
    }
  }
  for (TraceRequest& request : trace.requests) {
    uint64_t draw = DrawOf(request.session, seed, 0xc1a55) % 100;
    for (const ClassPart& part : parts) {
      if (draw < part.percent) {
        const auto name = std::ranges::find(trace.classes, part.name);
        request.latency_class = static_cast<uint32_t>(name - trace.classes.begin() + 1);
        break;
      }
      draw -= part.percent;
    }
  }
  trace.history.push_back(absl::StrCat(history, " (seed ", seed, ")"));
  return absl::OkStatus();
}

void AssignTenants(Trace& trace, uint32_t tenants, uint64_t seed) {
  for (TraceRequest& request : trace.requests) {
    request.tenant = static_cast<uint32_t>(DrawOf(request.session, seed, 0x7e4a47) % tenants);
  }
  trace.history.push_back(absl::StrCat(tenants, " tenants by session (seed ", seed, ")"));
}

}  // namespace cairn
