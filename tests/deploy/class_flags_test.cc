#include "deploy/cli/class_flags.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

TEST_CASE("a class is its name, two targets and perhaps a priority") {
  CHECK(*ParseLatencyClass("agents=1500ms,40ms,-2") ==
        LatencyClass{"agents", {.ttft = Milliseconds(1500), .tpot = Milliseconds(40)}, -2});
  CHECK(*ParseLatencyClass("slow=2m,0") ==
        LatencyClass{"slow", {.ttft = Seconds(120), .tpot = {}}, 0});
  for (const char* wrong :
       {"", "=1s,1s", "a", "a=1s", "a=1s,1s,x", "a b=1s,1s", "a=soon,1s", "a=1s,1s,0,0"}) {
    CAPTURE(wrong);
    CHECK_FALSE(ParseLatencyClass(wrong).ok());
  }
}

TEST_CASE("flags become limits, and what is wrong is named") {
  SchedulerLimits limits;
  ClassFlags flags{.classes = {"interactive=300ms,30ms"},
                   .default_class = "interactive",
                   .tenant_weights = {"gold=5"},
                   .tenant_percent = 40};
  REQUIRE(ApplyClassFlags(flags, limits).ok());
  CHECK(limits.classes->default_class().target.ttft == Milliseconds(300));
  CHECK(limits.tenants.weights.at("gold") == 5);
  CHECK(limits.tenants.share_percent == 40);
  CHECK(ApplyClassFlags({.default_class = "x"}, limits).message() ==
        "--default-class x: there are interactive, standard, batch");
  CHECK(ApplyClassFlags({.tenant_weights = {"gold=0"}}, limits).message() ==
        "--tenant-weight gold=0: NAME=N, N from 1 to 1000");
}

}  // namespace
}  // namespace cairn
