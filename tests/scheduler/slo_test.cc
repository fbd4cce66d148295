#include "scheduler/core/slo.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

TEST_CASE("a request gets the targets of its class, and keeps those it brings") {
  const LatencyClasses classes;
  GenerationRequest plain;
  CHECK(classes.Complete(plain) == 1);
  CHECK(plain.latency_class == "standard");
  CHECK(plain.slo == SloTarget{.ttft = Seconds(5), .tpot = Milliseconds(100)});
  GenerationRequest hasty;
  hasty.latency_class = "interactive";
  hasty.slo.tpot = Milliseconds(20);
  classes.Complete(hasty);
  CHECK(hasty.slo == SloTarget{.ttft = Seconds(1), .tpot = Milliseconds(20)});
  GenerationRequest batch;
  batch.latency_class = "batch";
  batch.priority = 2'147'483'647;
  classes.Complete(batch);
  CHECK(batch.priority == 2'147'483'647);
  CHECK(batch.slo == SloTarget{.ttft = Seconds(60), .tpot = {}});
}

TEST_CASE("classes are replaced and added by name, up to a limit") {
  LatencyClasses classes;
  CHECK(classes.Set({"standard", {.ttft = Seconds(2), .tpot = {}}, 0}));
  CHECK(classes.Set({"agents", {.ttft = Seconds(9), .tpot = {}}, -1}));
  CHECK(classes.Names() == "interactive, standard, batch, agents");
  CHECK(classes.default_class().target.ttft == Seconds(2));
  CHECK(classes.SetDefault("agents"));
  CHECK_FALSE(classes.SetDefault("nobody"));
  CHECK(classes.Find("") == 3);
  CHECK(classes.Find("nobody") == std::nullopt);
  for (int i = 0; classes.size() < LatencyClasses::kClassesMax; ++i) {
    CHECK(classes.Set({std::to_string(i), {}, 0}));
  }
  CHECK_FALSE(classes.Set({"one more", {}, 0}));
  CHECK(classes.Set({"batch", {}, 0}));
}

TEST_CASE("a target is attained up to the nanosecond, and one that is none is not counted") {
  ClassAttainment counts;
  const SloTarget target{.ttft = Seconds(1), .tpot = Milliseconds(10)};
  CountTtft(target, Seconds(1), counts);
  CountTtft(target, Seconds(1) + Nanoseconds(1), counts);
  CountTtft({}, Seconds(100), counts);
  CHECK(counts.ttft_attained == 1);
  CHECK(counts.ttft_missed == 1);
  ChoicePace pace;
  pace.Hear(Instant() + Seconds(1));
  CountTpot(target, pace, counts);  // one token has no pace
  pace.Hear(Instant() + Seconds(1) + Milliseconds(4));
  pace.Hear(Instant() + Seconds(1) + Milliseconds(20));
  CountTpot(target, pace, counts);
  pace.Hear(Instant() + Seconds(1) + Milliseconds(31));
  CountTpot(target, pace, counts);
  CHECK(counts.tpot_attained == 1);
  CHECK(counts.tpot_missed == 1);
}

}  // namespace
}  // namespace cairn
