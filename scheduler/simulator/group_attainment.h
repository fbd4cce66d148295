// What each latency class and each tenant of a run got. A class is measured against its own
// targets, a tenant against those of each request's class.
#pragma once

#include <cstdint>
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
  // Tokens computed for it: of prompts what was in no cache, and what was generated. This is what
  // tenants' shares are counted in.
  uint64_t work_tokens = 0;
  double work_share = 0;  // of all groups' work
  Percentiles ttft;
  Percentiles tpot;
  std::vector<Duration> ttft_curve;  // CurveOf; of a class only
  std::vector<Duration> tpot_curve;
};

// What each request is measured against: its class's targets.
RunTargets TargetsOf(const Trace& trace, const LatencyClasses& classes);

// The classes that the trace's requests are of, in the order of `classes`.
std::vector<LatencyClass> ClassesOf(const Trace& trace, const LatencyClasses& classes);

// Of those classes.
std::vector<GroupSummary> SummarizeClasses(const Trace& trace, const ClusterResult& result,
                                           const LatencyClasses& classes);
// By the tenants' numbers.
std::vector<GroupSummary> SummarizeTenants(const Trace& trace, const ClusterResult& result,
                                           const LatencyClasses& classes);

}  // namespace cairn
