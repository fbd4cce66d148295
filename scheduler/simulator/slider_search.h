// TaiChi's three sliders, searched by simulation: how many workers are prefill-heavy, and the
// prompt chunks of either kind. All mixed and a strict split are points of the same grid. Pure:
// what a setting attains at a rate is asked of whoever simulates.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kvstore/base/time.h"
#include "scheduler/simulator/cluster_options.h"
#include "scheduler/simulator/goodput.h"
#include "scheduler/simulator/trace.h"

namespace cairn {

enum class SliderFamily : uint8_t {
  kAggregated,  // all mixed: chunked prefill
  kSplit,       // decode-heavy workers are given no prompts: xPyD
  kHybrid,
};
std::string_view NameOf(SliderFamily family);

struct PhaseSliders {
  uint32_t prefill = 0;  // workers of each kind
  uint32_t decode = 0;
  uint32_t mixed = 0;
  uint32_t prefill_chunk = 0;  // of prefill-heavy and of mixed workers
  uint32_t decode_chunk = 0;   // 0: they are given no prompts

  SliderFamily family() const {
    if (decode == 0) return SliderFamily::kAggregated;
    return decode_chunk == 0 ? SliderFamily::kSplit : SliderFamily::kHybrid;
  }
  std::string Name() const;  // "8 mixed of 512", "5P (2048) + 3D (128)"
  friend bool operator==(const PhaseSliders&, const PhaseSliders&) = default;
};

struct SliderGrid {
  uint32_t workers = 8;
  std::vector<uint32_t> mixed_chunks = {128, 256, 512, 1024, 2048, 8192};
  std::vector<uint32_t> prefill_chunks = {1024, 2048, 8192};
  std::vector<uint32_t> decode_chunks = {0, 64, 128, 256, 512};
};
// Every point of the grid: all mixed for each chunk, and each number of prefill-heavy workers from
// 1 to all but one with each pair of chunks of which the decode-heavy workers' is the smaller one.
std::vector<PhaseSliders> AllSettings(const SliderGrid& grid);

// `like` for each worker, with the setting's roles and chunks.
std::vector<WorkerOptions> WorkersOf(const PhaseSliders& sliders, const WorkerOptions& like);

struct SliderChoice {
  PhaseSliders sliders;
  double rate = 0;    // its goodput; 0: nothing attains at any rate that was tried
  uint32_t runs = 0;  // simulations that it took
};

// The setting with the highest goodput; the first one of equals. A setting that does not attain at
// the best rate so far is not looked at any further, so most cost one run.
SliderChoice SearchSliders(
    std::span<const PhaseSliders> settings, const GoodputSearch& search,
    const std::function<double(const PhaseSliders& sliders, double rate)>& attainment);

// What of a workload decides where the sliders should be.
struct WorkloadShape {
  double rate = 0;  // requests a second
  double input_tokens = 0;
  double output_tokens = 0;
};
WorkloadShape ShapeOf(const Trace& recorded);
// Whether any of the three differs by more than so many percent.
bool HasDrifted(const WorkloadShape& before, const WorkloadShape& now, uint32_t percent = 25);

// The outer loop of a running scheduler: asked now and then (minutes) with the requests recorded
// lately. None while the workload is what it was when the sliders were set.
std::optional<SliderChoice> SearchAgain(
    const Trace& recorded, const WorkloadShape& searched_for,
    std::span<const PhaseSliders> settings, const GoodputSearch& search,
    const std::function<double(const PhaseSliders& sliders, double rate)>& attainment);

}  // namespace cairn
