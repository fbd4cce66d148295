// Gives the requests of a trace what most traces do not say: latency classes and tenants. A session
// is of one class and of one tenant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

struct ClassPart {
  std::string name;
  uint32_t percent = 0;  // of sessions
};

// The rest keeps the class that it has. InvalidArgument: over 100 percent.
absl::Status AssignClasses(Trace& trace, const std::vector<ClassPart>& parts, uint64_t seed);

// Of so many tenants each has as many sessions as the others, but for chance. REQUIRES: tenants >
// 0.
void AssignTenants(Trace& trace, uint32_t tenants, uint64_t seed);

}  // namespace cairn
