#include "scheduler/simulator/slider_search.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/scheduler/cluster_house.h"

namespace cairn {
namespace {

TEST_CASE("the grid has both degenerate modes, and decode-heavy workers the smaller chunk") {
  const std::vector<PhaseSliders> settings = AllSettings({.workers = 4,
                                                          .mixed_chunks = {256, 512},
                                                          .prefill_chunks = {512},
                                                          .decode_chunks = {0, 64, 512}});
  CHECK(settings.size() == 2 + 3 * 2);
  const auto count = [&](SliderFamily family) {
    return std::ranges::count(settings, family, &PhaseSliders::family);
  };
  CHECK(count(SliderFamily::kAggregated) == 2);
  CHECK(count(SliderFamily::kSplit) == 3);
  CHECK(count(SliderFamily::kHybrid) == 3);
  for (const PhaseSliders& one : settings) CHECK(one.prefill + one.decode + one.mixed == 4);
}

TEST_CASE("workers differ only in their chunk and their role") {
  const std::vector<WorkerOptions> workers =
      WorkersOf({.prefill = 1, .decode = 2, .prefill_chunk = 2048}, SmallWorker());
  REQUIRE(workers.size() == 3);
  CHECK(workers[0].role == PhaseRole::kPrefillHeavy);
  CHECK(workers[0].limits.prompt_chunk == 2048);
  CHECK(workers[0].limits.step_tokens == 2048 + 16);  // and room for all who decode
  CHECK(workers[1].role == PhaseRole::kDecodeHeavy);
  CHECK_FALSE(workers[1].takes_prompts);
  CHECK(workers[1].limits.prompt_chunk > 0);  // what is lost it computes
}

TEST_CASE("the search finds the best setting and looks closely only at those that beat the best") {
  const std::vector<PhaseSliders> settings = AllSettings({.workers = 8});
  // Goodput peaks at 5 prefill-heavy workers and a decode chunk of 128.
  const auto capacity = [](const PhaseSliders& s) {
    if (s.mixed > 0) return 3.0;
    return 5.0 - 0.3 * std::abs(static_cast<int>(s.prefill) - 5) -
           (s.decode_chunk == 128 ? 0 : 0.2) - (s.prefill_chunk == 2048 ? 0 : 0.1);
  };
  uint32_t asked = 0;
  const SliderChoice choice = SearchSliders(settings, {.first_rate = 1, .precision = 0.02},
                                            [&](const PhaseSliders& s, double rate) {
                                              ++asked;
                                              return rate <= capacity(s) ? 1.0 : 0.5;
                                            });
  CHECK(choice.sliders.Name() == "5P (2048) + 3D (128)");
  CHECK(choice.rate > 4.85);
  CHECK(choice.rate <= 5.0);
  CHECK(choice.runs == asked);
  CHECK(asked < 3 * settings.size());
}

TEST_CASE("sliders are searched again when the workload is another one") {
  Trace recorded;
  for (int i = 0; i < 100; ++i) recorded.requests.push_back(Ask(i * 100'000, 1000, 100));
  const WorkloadShape shape = ShapeOf(recorded);
  CHECK(shape.input_tokens == Approx(1000));
  CHECK(shape.rate == Approx(10).epsilon(0.02));
  const std::vector<PhaseSliders> settings = AllSettings({.workers = 2});
  const auto attains = [](const PhaseSliders&, double rate) { return rate < 4 ? 1.0 : 0.0; };
  CHECK_FALSE(SearchAgain(recorded, shape, settings, {}, attains).has_value());
  for (TraceRequest& request : recorded.requests) request.output_tokens = 140;
  CHECK(SearchAgain(recorded, shape, settings, {}, attains).has_value());
}

}  // namespace
}  // namespace cairn
