#include "scheduler/simulator/group_attainment.h"

#include <map>
#include <set>
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
    summary.work_tokens += request.tokens;
    if (request.prefilled != Instant()) {
      summary.work_tokens += request.prompt_tokens - request.cached_tokens();
    }
    if (request.has_first_token()) ttft.push_back(request.ttft());
    if (request.tokens > 1) tpot.push_back(request.tpot());
  }
  void Draw() {
    summary.ttft_curve = CurveOf(ttft);
    summary.tpot_curve = CurveOf(tpot);
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

// A name that nobody defined is served as the default class.
size_t IndexOf(const Trace& trace, const TraceRequest& request, const LatencyClasses& classes) {
  return classes.Find(ClassOf(trace, request)).value_or(*classes.Find(""));
}

void ShareWork(std::vector<GroupSummary>& groups) {
  uint64_t all = 0;
  for (const GroupSummary& group : groups) all += group.work_tokens;
  if (all == 0) return;
  for (GroupSummary& group : groups) {
    group.work_share = static_cast<double>(group.work_tokens) / static_cast<double>(all);
  }
}

// By class or by tenant, whatever `key_of` says of a request and its class.
template <typename KeyOf>
std::map<size_t, Group> GroupsOf(const Trace& trace, const ClusterResult& result,
                                 const LatencyClasses& classes, KeyOf key_of) {
  std::map<size_t, Group> groups;
  for (size_t i = 0; i < result.requests.size(); ++i) {
    const RequestRecord& request = result.requests[i];
    if (request.outcome == RequestOutcome::kNotArrived) continue;
    if (request.arrival < trace.measured_from) continue;
    const size_t one = IndexOf(trace, trace.requests[i], classes);
    groups[key_of(trace.requests[i], one)].Add(request, classes.at(one).target);
  }
  return groups;
}

}  // namespace

RunTargets TargetsOf(const Trace& trace, const LatencyClasses& classes) {
  std::vector<SloTarget> own;
  own.reserve(trace.requests.size());
  for (const TraceRequest& request : trace.requests) {
    own.push_back(classes.at(IndexOf(trace, request, classes)).target);
  }
  return RunTargets(std::move(own));
}

std::vector<LatencyClass> ClassesOf(const Trace& trace, const LatencyClasses& classes) {
  std::set<size_t> used;
  for (const TraceRequest& request : trace.requests) used.insert(IndexOf(trace, request, classes));
  std::vector<LatencyClass> out;
  for (const size_t index : used) out.push_back(classes.at(index));
  return out;
}

std::vector<GroupSummary> SummarizeClasses(const Trace& trace, const ClusterResult& result,
                                           const LatencyClasses& classes) {
  std::vector<GroupSummary> out;
  for (auto& [index, group] :
       GroupsOf(trace, result, classes, [](const TraceRequest&, size_t one) { return one; })) {
    group.summary.name = classes.at(index).name;
    group.summary.target = classes.at(index).target;
    group.Draw();
    out.push_back(std::move(group).Finish());
  }
  ShareWork(out);
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
  ShareWork(out);
  return out;
}

}  // namespace cairn
