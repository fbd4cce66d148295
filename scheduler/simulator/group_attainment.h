// What each latency class and each tenant of a run got. A class is measured against its own
// targets, a tenant against those of each request's class.
#pragma once

#include <string>
#include <vector>

#include "scheduler/core/slo.h"
#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

struct GroupSummary {
  std::string name;
  SloTarget target;     // of a class; of a tenant: none
  size_t requests = 0;  // that arrived, without those whose client cancelled
  size_t finished = 0;
  size_t shed = 0;
  size_t expired = 0;
  double attainment = 0;  // of requests
  Percentiles ttft;
  Percentiles tpot;
};

// Of the classes that the trace's requests name, in the order of `classes`; nobody else's are
// there.
std::vector<GroupSummary> SummarizeClasses(const Trace& trace, const ClusterResult& result,
                                           const LatencyClasses& classes);
// By the tenants' numbers.
std::vector<GroupSummary> SummarizeTenants(const Trace& trace, const ClusterResult& result,
                                           const LatencyClasses& classes);

}  // namespace cairn
