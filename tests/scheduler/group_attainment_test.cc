#include "scheduler/simulator/group_attainment.h"

#include <catch2/catch.hpp>

#include "scheduler/simulator/trace_terms.h"

namespace cairn {
namespace {

RequestRecord Answered(Duration ttft) {
  RequestRecord request{.outcome = RequestOutcome::kFinished};
  request.arrival = Instant() + Seconds(10);
  request.first_token = request.arrival + ttft;
  request.last_token = request.first_token;
  request.tokens = 1;
  return request;
}

TEST_CASE("a class is measured against its own targets, a tenant against those of its requests") {
  Trace trace;
  trace.classes = {"batch", "interactive"};
  trace.requests.resize(4);
  trace.requests[0].latency_class = 2;
  trace.requests[1].latency_class = 2;
  trace.requests[2].latency_class = 1;
  trace.requests[1].tenant = trace.requests[2].tenant = 5;
  ClusterResult result;
  result.requests = {
      Answered(Milliseconds(900)), Answered(Seconds(2)), Answered(Seconds(30)),
      RequestRecord{.outcome = RequestOutcome::kShed, .arrival = Instant() + Seconds(1)}};
  const std::vector<GroupSummary> classes = SummarizeClasses(trace, result, LatencyClasses());
  REQUIRE(classes.size() == 3);
  CHECK(classes[0].name == "interactive");
  CHECK(classes[0].attainment == 0.5);
  CHECK(classes[0].ttft.max == Seconds(2));
  CHECK(classes[1].name == "standard");
  CHECK(classes[1].shed == 1);
  CHECK(classes[1].attainment == 0);
  CHECK(classes[2].name == "batch");
  CHECK(classes[2].attainment == 1);
  const std::vector<GroupSummary> tenants = SummarizeTenants(trace, result, LatencyClasses());
  REQUIRE(tenants.size() == 2);
  CHECK(tenants[1].name == "5");
  CHECK(tenants[1].attainment == 0.5);
}

TEST_CASE("a run is measured against each request's own class, and its work shared out by tokens") {
  Trace trace;
  trace.classes = {"batch", "interactive"};
  trace.requests.resize(2);
  trace.requests[0].latency_class = 2;
  trace.requests[1].latency_class = 1;
  ClusterResult result;
  result.requests = {Answered(Seconds(2)), Answered(Seconds(2))};
  for (RequestRecord& request : result.requests) {
    request.prefilled = request.first_token;
    request.prompt_tokens = 100;
  }
  result.requests[0].cached_device_tokens = 50;
  result.requests[0].fetched_tokens = 10;  // 40 computed and one generated
  result.requests[1].tokens = 23;
  const LatencyClasses classes;
  CHECK(Summarize(result, TargetsOf(trace, classes)).attainment == 0.5);
  CHECK(Summarize(result, TargetsOf(trace, classes)).missed_ttft == 1);
  const std::vector<GroupSummary> groups = SummarizeClasses(trace, result, classes);
  CHECK(groups[0].work_tokens == 41);
  CHECK(groups[1].work_tokens == 123);
  CHECK(groups[0].work_share == 0.25);
  CHECK(groups[0].ttft_curve.size() == 101);
  REQUIRE(ClassesOf(trace, classes).size() == 2);
  CHECK(ClassesOf(trace, classes)[1].name == "batch");
}

TEST_CASE("sessions are spread over classes and tenants, each session to one") {
  Trace trace;
  for (uint32_t i = 0; i < 4000; ++i) {
    trace.requests.emplace_back();
    trace.requests.back().session = i / 2;
  }
  REQUIRE(AssignClasses(trace, {{"interactive", 20}, {"batch", 30}}, 1).ok());
  AssignTenants(trace, 4, 1);
  size_t interactive = 0, batch = 0, tenant = 0;
  for (size_t i = 0; i < trace.requests.size(); ++i) {
    const TraceRequest& request = trace.requests[i];
    interactive += ClassOf(trace, request) == "interactive";
    batch += ClassOf(trace, request) == "batch";
    tenant += request.tenant == 3;
    CHECK(request.tenant == trace.requests[i ^ 1].tenant);
    CHECK(request.latency_class == trace.requests[i ^ 1].latency_class);
  }
  CHECK(interactive > 680);
  CHECK(interactive < 920);
  CHECK(batch > 1050);
  CHECK(batch < 1350);
  CHECK(tenant > 850);
  CHECK(tenant < 1150);
  CHECK_FALSE(AssignClasses(trace, {{"a", 60}, {"b", 60}}, 1).ok());
}

}  // namespace
}  // namespace cairn
