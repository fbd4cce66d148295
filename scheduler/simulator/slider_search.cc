#include "scheduler/simulator/slider_search.h"

#include <algorithm>
#include <cmath>

namespace cairn {
namespace {

// A worker's recomputing, where it is given no prompts: small, for the sake of those beside it.
constexpr uint32_t kRecomputeChunk = 256;

WorkerOptions WorkerOf(const WorkerOptions& like, PhaseRole role, uint32_t chunk) {
  WorkerOptions worker = like;
  worker.role = role;
  worker.takes_prompts = chunk > 0;
  worker.limits.prompt_chunk = chunk > 0 ? chunk : kRecomputeChunk;
  worker.limits.step_tokens = worker.limits.prompt_chunk + worker.limits.sequences_max;
  return worker;
}

}  // namespace

std::string_view NameOf(SliderFamily family) {
  switch (family) {
    case SliderFamily::kAggregated:
      return "aggregated";
    case SliderFamily::kSplit:
      return "split";
    case SliderFamily::kHybrid:
      return "hybrid";
  }
  return "";
}

std::string PhaseSliders::Name() const {
  std::string name;
  const auto add = [&](uint32_t workers, const char* kind, uint32_t chunk) {
    if (workers == 0) return;
    if (!name.empty()) name += " + ";
    name += std::to_string(workers) + kind + " (" + std::to_string(chunk) + ")";
  };
  add(mixed, " mixed", prefill_chunk);
  add(prefill, "P", prefill_chunk);
  add(decode, "D", decode_chunk);
  return name;
}

std::vector<PhaseSliders> AllSettings(const SliderGrid& grid) {
  std::vector<PhaseSliders> settings;
  for (uint32_t chunk : grid.mixed_chunks) {
    settings.push_back({.mixed = grid.workers, .prefill_chunk = chunk});
  }
  for (uint32_t prefill = 1; prefill < grid.workers; ++prefill) {
    for (uint32_t prefill_chunk : grid.prefill_chunks) {
      for (uint32_t decode_chunk : grid.decode_chunks) {
        if (decode_chunk >= prefill_chunk) continue;
        settings.push_back({.prefill = prefill,
                            .decode = grid.workers - prefill,
                            .prefill_chunk = prefill_chunk,
                            .decode_chunk = decode_chunk});
      }
    }
  }
  return settings;
}

std::vector<WorkerOptions> WorkersOf(const PhaseSliders& sliders, const WorkerOptions& like) {
  std::vector<WorkerOptions> workers;
  const auto add = [&](uint32_t count, PhaseRole role, uint32_t chunk) {
    workers.insert(workers.end(), count, WorkerOf(like, role, chunk));
  };
  add(sliders.prefill, PhaseRole::kPrefillHeavy, sliders.prefill_chunk);
  add(sliders.decode, PhaseRole::kDecodeHeavy, sliders.decode_chunk);
  add(sliders.mixed, PhaseRole::kMixed, sliders.prefill_chunk);
  return workers;
}

SliderChoice SearchSliders(
    std::span<const PhaseSliders> settings, const GoodputSearch& search,
    const std::function<double(const PhaseSliders& sliders, double rate)>& attainment) {
  SliderChoice best;
  for (const PhaseSliders& sliders : settings) {
    GoodputSearch from = search;
    if (best.rate > 0) {
      from.first_rate = best.rate * (1 + search.precision);
      ++best.runs;
      if (attainment(sliders, from.first_rate) < search.attainment) continue;
      from.first_rate *= 1 + 4 * search.precision;  // how much better: usually little
    }
    const Goodput found =
        SearchGoodput(from, [&](double rate) { return attainment(sliders, rate); });
    best.runs += static_cast<uint32_t>(found.runs.size());
    const double at_least = best.rate > 0 ? best.rate * (1 + search.precision) : 0;
    const double rate = std::max(found.rate, at_least);
    if (rate <= best.rate) continue;
    best.sliders = sliders;
    best.rate = rate;
  }
  return best;
}

WorkloadShape ShapeOf(const Trace& recorded) {
  WorkloadShape shape;
  if (recorded.requests.empty()) return shape;
  const auto count = static_cast<double>(recorded.requests.size());
  for (const TraceRequest& request : recorded.requests) {
    shape.input_tokens += request.input_tokens / count;
    shape.output_tokens += request.output_tokens / count;
  }
  const Duration span = SpanOf(recorded);
  if (span > Duration()) shape.rate = count / span.seconds();
  return shape;
}

bool HasDrifted(const WorkloadShape& before, const WorkloadShape& now, uint32_t percent) {
  const double factor = 1 + percent / 100.0;
  const auto differ = [&](double a, double b) { return std::max(a, b) > factor * std::min(a, b); };
  return differ(before.rate, now.rate) || differ(before.input_tokens, now.input_tokens) ||
         differ(before.output_tokens, now.output_tokens);
}

std::optional<SliderChoice> SearchAgain(
    const Trace& recorded, const WorkloadShape& searched_for,
    std::span<const PhaseSliders> settings, const GoodputSearch& search,
    const std::function<double(const PhaseSliders& sliders, double rate)>& attainment) {
  if (!HasDrifted(searched_for, ShapeOf(recorded))) return std::nullopt;
  return SearchSliders(settings, search, attainment);
}

}  // namespace cairn
