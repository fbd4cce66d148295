// What `cairn simulate` found. Every number in it is simulated and says so wherever it is shown.
// simulation_json.h, simulation_text.h and simulation_html.h show the same report.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "deploy/cli/simulation/event_script.h"
#include "scheduler/simulator/attainment.h"
#include "scheduler/simulator/capacity_search.h"
#include "scheduler/simulator/goodput.h"
#include "scheduler/simulator/group_attainment.h"
#include "scheduler/simulator/role_summary.h"
#include "scheduler/simulator/run_timeline.h"
#include "scheduler/simulator/slider_search.h"
#include "scheduler/simulator/step_cost.h"
#include "scheduler/simulator/trace_facts.h"

namespace cairn {

// One run: one seed of one policy at one rate.
struct SeedRun {
  uint64_t seed = 0;
  double rate = 0;  // requests a second that arrived
  ClusterSummary summary;
  std::vector<Duration> ttft_curve;  // CurveOf
  std::vector<Duration> tpot_curve;
  RunTimeline timeline;
  std::vector<double> busy_by_worker;      // share of the run's time
  std::vector<double> requests_by_worker;  // on average
  // Where there are several.
  std::vector<GroupSummary> classes;
  std::vector<GroupSummary> tenants;
  std::vector<RoleSummary> roles;
};

inline double ShareOfPrompts(uint64_t tokens, const ClusterSummary& s) {
  return s.prompt_tokens == 0 ? 0
                              : static_cast<double>(tokens) / static_cast<double>(s.prompt_tokens);
}
// The part of a run's prompt tokens that were cached, on the worker itself or where it could fetch
// them.
inline double HitShare(const ClusterSummary& s) {
  return ShareOfPrompts(s.hit_device_tokens + s.hit_dram_tokens + s.fetched_tokens, s);
}

struct Spread {
  double mean = 0;
  double min = 0;
  double max = 0;
};
Spread SpreadOf(const std::vector<double>& values);  // all zero if there are none

// All seeds at one rate.
struct RatePoint {
  double rate = 0;  // asked for; 0: the trace's own
  std::vector<SeedRun> seeds;
};
// Over the seeds of a point, of a number that each run has.
template <typename Number>
Spread SpreadOf(const RatePoint& point, const Number& number) {
  std::vector<double> values;
  for (const SeedRun& run : point.seeds) values.push_back(number(run));
  return SpreadOf(values);
}
Spread AttainmentOf(const RatePoint& point);
// The rate that arrived on average: what plots put a point at.
double RateOf(const RatePoint& point);

struct SeedGoodput {
  uint64_t seed = 0;
  Goodput goodput;
};

// Everything about one policy.
struct PolicyReport {
  std::string policy;
  std::vector<SeedGoodput> searched;  // if the goodput was asked for
  std::vector<RatePoint> rates;       // in rising order
};
Spread GoodputOf(const PolicyReport& policy);

// What no scheduler passes on this trace with this cluster.
struct Bounds {
  double hit_share = 0;       // of prompt tokens, with one cache without end
  uint64_t cache_tokens = 0;  // of the cluster, device and DRAM
  double lru_share = 0;       // of prompt tokens, with one cache of that size
  double work_rps = 0;        // workers over the mean work of a request, if all is shared
  double prefill_rps = 0;     // the same without decode
  uint32_t decode_batch = 0;  // with which decode was counted
};

// One value of one axis, and the goodput of every policy there.
struct SensitivitySetting {
  double value = 0;
  std::string text;
  std::vector<PolicyReport> policies;
};
struct SensitivityAxis {
  std::string name;    // of the flag, without dashes
  double profile = 0;  // the value of everything else in the report
  std::vector<SensitivitySetting> settings;
};

// What would let a cluster that is just overloaded keep its targets again.
struct WhatIf {
  std::string name;
  Spread attainment;
  Spread hit_share;
};

struct CapacityPlan {
  Capacity capacity;
  double rate = 0;    // for which
  uint32_t gpus = 1;  // of one worker
  // Of the answer and its neighbours: what the requests got.
  std::vector<std::pair<uint32_t, RatePoint>> sizes;
  std::map<uint32_t, PhaseSliders> roles;  // by number of workers, if they were searched
  std::vector<SeedGoodput> headroom;       // the goodput of the answer
  double overload_rate = 0;                // a little more than it carries
  std::vector<WhatIf> what_ifs;            // at that rate; the first is the cluster as it is
};

// So that the run can be repeated: what it was, for people, in order.
using Configuration = std::vector<std::pair<std::string, std::string>>;

struct SimulationReport {
  std::string version;
  std::string command;
  std::string trace;
  std::vector<std::string> history;  // what was done to it, of the first seed
  TraceFacts facts;                  // of the first seed
  std::string cluster;               // one line
  Configuration configuration;
  StepProfile profile;
  uint32_t workers = 0;
  std::vector<uint64_t> seeds;
  SloTarget target;
  std::vector<LatencyClass> classes;  // that its requests are of, each with its own targets
  double wanted_attainment = 0.9;
  EventScript events;
  Bounds bounds;

  std::vector<PolicyReport> policies;  // as they were asked for
  std::vector<SensitivityAxis> sensitivity;
  std::optional<CapacityPlan> plan;
  double wall_seconds = 0;  // how long it took; nothing else depends on the machine
};

// A point that the report shows in detail, and what to call it.
struct ShownPoint {
  std::string label;
  const RatePoint* point = nullptr;
};
// Each policy's, or each size's of a plan.
std::vector<ShownPoint> ShownPoints(const SimulationReport& report);
// What their labels are: "policy" or "workers".
const char* LabelOfShown(const SimulationReport& report);

inline std::string NameOf(const GroupSummary& group) { return group.name; }
inline std::string NameOf(const RoleSummary& role) { return std::string(NameOf(role.role)); }

// The names of the groups of all shown points: their order in the first run that has them.
template <typename Group>
std::vector<std::string> GroupNames(const SimulationReport& report,
                                    std::vector<Group> SeedRun::*groups) {
  std::vector<std::string> names;
  for (const ShownPoint& shown : ShownPoints(report)) {
    for (const SeedRun& run : shown.point->seeds) {
      for (const Group& group : run.*groups) {
        if (std::ranges::find(names, NameOf(group)) == names.end()) names.push_back(NameOf(group));
      }
    }
  }
  return names;
}

// Over those seeds of a point that have a group of that name. None: no seed has.
template <typename Group, typename Number>
std::optional<Spread> SpreadOf(const RatePoint& point, std::vector<Group> SeedRun::*groups,
                               const std::string& name, const Number& number) {
  std::vector<double> values;
  for (const SeedRun& run : point.seeds) {
    for (const Group& group : run.*groups) {
      if (NameOf(group) == name) values.push_back(std::invoke(number, group));
    }
  }
  if (values.empty()) return std::nullopt;
  return SpreadOf(values);
}

// The point of a policy that shows details: the highest rate at which the first policy keeps its
// targets on average, or else the lowest. Null without points.
const RatePoint* DetailOf(const SimulationReport& report, const PolicyReport& policy);

}  // namespace cairn
