#include "scheduler/ingress/service_terms.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "scheduler/ingress/status_map.h"

namespace cairn {
namespace {

using Headers = std::map<std::string, std::string, std::less<>>;

absl::Status Read(const Headers& headers, GenerationRequest& options, bool priority_given = false) {
  return ReadServiceTerms(
      [&](std::string_view name) -> std::string_view {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string_view() : found->second;
      },
      priority_given, options);
}

TEST_CASE("headers say class, targets, priority, deadline and session") {
  GenerationRequest options;
  REQUIRE(Read({{"x-cairn-class", "interactive"},
                {"x-cairn-slo-ttft-ms", "250"},
                {"x-cairn-slo-tpot-ms", "40"},
                {"x-cairn-priority", "-3"},
                {"x-cairn-deadline-ms", "30000"},
                {"x-session-id", "s-1"}},
               options)
              .ok());
  CHECK(options.latency_class == "interactive");
  CHECK(options.slo == SloTarget{.ttft = Milliseconds(250), .tpot = Milliseconds(40)});
  CHECK(options.priority == -3);
  CHECK(options.deadline == Seconds(30));
  CHECK(options.session == "s-1");
}

TEST_CASE("no header changes nothing, and a body's priority counts more than the header's") {
  GenerationRequest options;
  options.priority = 7;
  options.latency_class = "batch";  // as service_tier said
  REQUIRE(Read({{"x-cairn-priority", "1"}}, options, true).ok());
  CHECK(options.priority == 7);
  CHECK(options.latency_class == "batch");
  CHECK(options.slo == SloTarget());
}

TEST_CASE("other routers' and agents' names are heard, ours first") {
  GenerationRequest options;
  REQUIRE(
      Read({{"x-llm-d-slo-ttft-ms", "900"}, {"x-claude-code-session-id", "agent"}}, options).ok());
  CHECK(options.slo.ttft == Milliseconds(900));
  CHECK(options.session == "agent");
  REQUIRE(Read({{"x-llm-d-slo-ttft-ms", "900"}, {"x-cairn-slo-ttft-ms", "100"}}, options).ok());
  CHECK(options.slo.ttft == Milliseconds(100));
}

TEST_CASE("a header that makes no sense is named, and so is a class that is not there") {
  for (const auto& [name, value] : Headers{{"x-cairn-slo-ttft-ms", "0"},
                                           {"x-cairn-slo-tpot-ms", "soon"},
                                           {"x-cairn-deadline-ms", "-5"},
                                           {"x-cairn-priority", "99999999999"}}) {
    GenerationRequest options;
    const absl::Status status = Read({{name, value}}, options);
    REQUIRE_FALSE(status.ok());
    CHECK(DescribeError(status).http_status == 400);
    CHECK(DescribeError(status).param == name);
  }
  GenerationRequest options;
  options.latency_class = "golden";
  const absl::Status status = CheckClass(LatencyClasses(), "x-cairn-class", options);
  CHECK(status.message() ==
        "x-cairn-class: there is no latency class \"golden\"; there are interactive, standard, "
        "batch");
}

}  // namespace
}  // namespace cairn
