#include "scheduler/simulator/group_attainment.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

struct Group {
  GroupSummary summary;
  size_t attained = 0;
  std::vector<Duration> ttft, tpot;

  void Add(const RequestRecord& request, const SloTarget& target) {
    if (request.outcome == RequestOutcome::kCancelled) return;
    ++summary.requests;
    summary.finished += request.outcome == RequestOutcome::kFinished;
    summary.shed += request.outcome == RequestOutcome::kShed;
    summary.expired += request.outcome == RequestOutcome::kExpired;
    attained += Attains(request, target);
    if (request.has_first_token()) ttft.push_back(request.ttft());
    if (request.tokens > 1) tpot.push_back(request.tpot());
  }
  GroupSummary Finish() && {
    summary.attainment = summary.requests == 0 ? 1.0
                                               : static_cast<double>(attained) /
                                                     static_cast<double>(summary.requests);
    summary.ttft = PercentilesOf(std::move(ttft));
    summary.tpot = PercentilesOf(std::move(tpot));
    return std::move(summary);
  }
};

// By class or by tenant, whatever `key_of` says of a request and its class.
template <typename KeyOf>
std::map<size_t, Group> GroupsOf(const Trace& trace, const ClusterResult& result,
                                 const LatencyClasses& classes, KeyOf key_of) {
  std::map<size_t, Group> groups;
  for (size_t i = 0; i < result.requests.size(); ++i) {
    const RequestRecord& request = result.requests[i];
    if (request.outcome == RequestOutcome::kNotArrived) continue;
    if (request.arrival < trace.measured_from) continue;
    // A name that nobody defined is served as the default class.
    const size_t one = classes.Find(ClassOf(trace, trace.requests[i])).value_or(*classes.Find(""));
    groups[key_of(trace.requests[i], one)].Add(request, classes.at(one).target);
  }
  return groups;
}

}  // namespace

std::vector<GroupSummary> SummarizeClasses(const Trace& trace, const ClusterResult& result,
                                           const LatencyClasses& classes) {
  std::vector<GroupSummary> out;
  for (auto& [index, group] :
       GroupsOf(trace, result, classes, [](const TraceRequest&, size_t one) { return one; })) {
    group.summary.name = classes.at(index).name;
    group.summary.target = classes.at(index).target;
    out.push_back(std::move(group).Finish());
  }
  return out;
}

std::vector<GroupSummary> SummarizeTenants(const Trace& trace, const ClusterResult& result,
                                           const LatencyClasses& classes) {
  std::vector<GroupSummary> out;
  for (auto& [tenant, group] :
       GroupsOf(trace, result, classes,
                [](const TraceRequest&request, size_t) -> size_t { return request.tenant; })) {
    group.summary.name = absl::StrCat(tenant);
    out.push_back(std::move(group).Finish());
  }
  return out;
}

}  // namespace cairn
