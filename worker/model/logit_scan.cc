#include "worker/model/logit_scan.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>

namespace cairn {
namespace {

// Four floats of the baseline instruction set (SSE2), in the compilers' own vector notation.
typedef float Lanes __attribute__((vector_size(16)));
typedef int32_t IntLanes __attribute__((vector_size(16)));
constexpr size_t kLanes = 4;
constexpr size_t kStride = 4 * kLanes;  // four independent chains hide the latency of each
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

inline Lanes Load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

inline Lanes Splat(float value) { return Lanes{value, value, value, value}; }

inline Lanes Select(IntLanes mask, Lanes yes, Lanes no) {
  return reinterpret_cast<Lanes>((mask & reinterpret_cast<IntLanes>(yes)) |
                                 (~mask & reinterpret_cast<IntLanes>(no)));
}

// exp(x) for x <= 0: Cody-Waite reduction and a polynomial of degree 6 (Cephes expf). Zero below
// -87, where the result would be subnormal, and for NaN.
inline Lanes ExpOfNegative(Lanes x) {
  const Lanes clamped = Select(x >= Splat(-87.0f), x, Splat(-87.0f));
  // Truncation rounds towards zero, so minus one half rounds to nearest here.
  const IntLanes n =
      __builtin_convertvector(clamped * Splat(1.44269504088896341f) - Splat(0.5f), IntLanes);
  const Lanes whole = __builtin_convertvector(n, Lanes);
  const Lanes r = (clamped - whole * Splat(0.693359375f)) - whole * Splat(-2.12194440e-4f);
  Lanes y = Splat(1.9875691500e-4f);
  y = y * r + Splat(1.3981999507e-3f);
  y = y * r + Splat(8.3334519073e-3f);
  y = y * r + Splat(4.1665795894e-2f);
  y = y * r + Splat(1.6666665459e-1f);
  y = y * r + Splat(5.0000001201e-1f);
  y = y * r * r + r + Splat(1.0f);
  const IntLanes power = (n + 127) << 23;
  const Lanes result = y * reinterpret_cast<Lanes>(power);
  return reinterpret_cast<Lanes>((x >= Splat(-87.0f)) & reinterpret_cast<IntLanes>(result));
}

inline float Widest(Lanes a) { return std::max(std::max(a[0], a[1]), std::max(a[2], a[3])); }

// The peak of one run; `strange` collects lanes that are not equal to themselves.
float RunPeak(std::span<const float> run, IntLanes& strange) {
  Lanes best[4] = {Splat(kMinusInfinity), Splat(kMinusInfinity), Splat(kMinusInfinity),
                   Splat(kMinusInfinity)};
  size_t i = 0;
  for (; i + kStride <= run.size(); i += kStride) {
    for (size_t j = 0; j < 4; ++j) {
      const Lanes x = Load(run.data() + i + j * kLanes);
      best[j] = Select(x > best[j], x, best[j]);
      strange |= x != x;
    }
  }
  float peak = std::max(std::max(Widest(best[0]), Widest(best[1])),
                        std::max(Widest(best[2]), Widest(best[3])));
  for (; i < run.size(); ++i) {
    if (run[i] > peak) peak = run[i];
    if (run[i] != run[i]) strange |= IntLanes{-1, -1, -1, -1};
  }
  return peak;
}

// The weights of one run, summed in 16 chains that are joined in a fixed order.
double RunSum(std::span<const float> run, float max, float scale, float* weights) {
  Lanes sums[4] = {};
  size_t i = 0;
  for (; i + kStride <= run.size(); i += kStride) {
    for (size_t j = 0; j < 4; ++j) {
      const size_t at = i + j * kLanes;
      const Lanes weight = ExpOfNegative((Load(run.data() + at) - Splat(max)) * Splat(scale));
      sums[j] += weight;
      if (weights != nullptr) std::memcpy(weights + at, &weight, sizeof(weight));
    }
  }
  double total = 0;
  for (const Lanes& sum : sums) {
    for (size_t lane = 0; lane < kLanes; ++lane) total += sum[lane];
  }
  for (; i < run.size(); ++i) {
    const float weight = ExpOfNegative(Splat((run[i] - max) * scale))[0];
    total += weight;
    if (weights != nullptr) weights[i] = weight;
  }
  return total;
}

inline std::span<const float> Run(std::span<const float> logits, size_t run) {
  const size_t first = run * kLogitRun;
  return logits.subspan(first, std::min(kLogitRun, logits.size() - first));
}

inline size_t RunCount(size_t logits) { return (logits + kLogitRun - 1) / kLogitRun; }

// A value with at least `count` logits at or above it, and few more: a histogram over the leading
// bits of each, made to order as integers.
float CoarseFloor(std::span<const float> logits, size_t count) {
  constexpr int kShift = 18;
  std::vector<uint32_t> histogram(size_t{1} << (32 - kShift), 0);
  for (float logit : logits) {
    const uint32_t bits = std::bit_cast<uint32_t>(logit);
    ++histogram[((bits >> 31) != 0 ? ~bits : bits | 0x80000000u) >> kShift];
  }
  size_t digit = histogram.size() - 1;
  for (size_t seen = histogram[digit]; seen < count && digit > 0; seen += histogram[digit]) --digit;
  const uint32_t key = static_cast<uint32_t>(digit) << kShift;
  const uint32_t bits = (key >> 31) != 0 ? key & 0x7fffffffu : ~key;
  const float floor = std::bit_cast<float>(bits);
  return floor == floor ? floor : kMinusInfinity;
}

}  // namespace

void ScanPeaks(std::span<const float> logits, LogitPeaks& peaks) {
  peaks.run_max.resize(RunCount(logits.size()));
  peaks.max = kMinusInfinity;
  IntLanes strange = {};
  for (size_t run = 0; run < peaks.run_max.size(); ++run) {
    peaks.run_max[run] = RunPeak(Run(logits, run), strange);
    peaks.max = std::max(peaks.max, peaks.run_max[run]);
  }
  peaks.has_nan = (strange[0] | strange[1] | strange[2] | strange[3]) != 0;
}

size_t FirstOfPeak(std::span<const float> logits, const LogitPeaks& peaks) {
  const auto run = std::find(peaks.run_max.begin(), peaks.run_max.end(), peaks.max);
  const size_t first = static_cast<size_t>(run - peaks.run_max.begin()) * kLogitRun;
  return static_cast<size_t>(std::find(logits.begin() + first, logits.end(), peaks.max) -
                             logits.begin());
}

void SumWeights(std::span<const float> logits, float max, float scale, std::span<float> weights,
                std::vector<double>& run_sums) {
  run_sums.resize(RunCount(logits.size()));
  for (size_t run = 0; run < run_sums.size(); ++run) {
    run_sums[run] = RunSum(Run(logits, run), max, scale,
                           weights.empty() ? nullptr : weights.data() + run * kLogitRun);
  }
}

void GatherAbove(std::span<const float> logits, const LogitPeaks& peaks, float floor,
                 std::vector<LogitEntry>& found) {
  found.clear();
  for (size_t run = 0; run < peaks.run_max.size(); ++run) {
    if (peaks.run_max[run] < floor) continue;
    const size_t first = run * kLogitRun;
    const std::span<const float> part = Run(logits, run);
    for (size_t i = 0; i < part.size(); ++i) {
      if (part[i] >= floor && part[i] > kMinusInfinity) {
        found.push_back({part[i], static_cast<TokenId>(first + i)});
      }
    }
  }
}

void SelectLargest(std::span<const float> logits, const LogitPeaks& peaks, size_t count,
                   std::vector<LogitEntry>& found) {
  float floor = kMinusInfinity;
  if (count == 0) {
    floor = std::numeric_limits<float>::infinity();
  } else if (count <= peaks.run_max.size()) {
    // `count` runs have a peak at or above this, so the answer lies at or above it.
    std::vector<float> order = peaks.run_max;
    std::nth_element(order.begin(), order.begin() + static_cast<ptrdiff_t>(count - 1), order.end(),
                     std::greater<>());
    floor = order[count - 1];
  } else if (count < logits.size()) {
    floor = CoarseFloor(logits, count);
  }
  GatherAbove(logits, peaks, floor, found);
  if (found.size() > count) {
    std::nth_element(found.begin(), found.begin() + static_cast<ptrdiff_t>(count), found.end(),
                     Before);
    found.resize(count);
  }
  std::sort(found.begin(), found.end(), Before);
}

void KeepLargestShare(std::span<float> weights, double share, double total) {
  // The bits of floats in [0, 1] are ordered as the floats are. Each round fixes the next few bits
  // of the smallest weight that stays: `prefix`, followed by zeros below `shift`.
  const double wanted = share * total;
  double above = 0;  // mass of the weights that are larger than anything with this prefix
  uint32_t prefix = 0;
  int known_above = 32;
  for (int shift : {17, 8, 0}) {
    std::vector<double> mass(size_t{1} << (known_above - shift), 0.0);
    for (float weight : weights) {
      const uint32_t bits = std::bit_cast<uint32_t>(weight);
      if (known_above == 32 || bits >> known_above == prefix >> known_above) {
        mass[(bits >> shift) & (mass.size() - 1)] += weight;
      }
    }
    size_t digit = mass.size() - 1;
    size_t smallest = 0;  // rounding may leave the mass a hair short: then everything stays
    for (; digit > 0 && above + mass[digit] < wanted; --digit) {
      if (mass[digit] > 0) smallest = digit;
      above += mass[digit];
    }
    if (mass[digit] == 0 && smallest > 0) {
      digit = smallest;
      above -= mass[digit];
    }
    prefix |= static_cast<uint32_t>(digit) << shift;
    known_above = shift;
  }
  const float least = std::bit_cast<float>(prefix);
  for (float& weight : weights) {
    if (weight > least) continue;
    const bool stays = weight == least && above < wanted;
    if (stays) above += weight;
    if (!stays) weight = 0;
  }
}

void KeepAbove(std::span<float> weights, float floor) {
  for (float& weight : weights) weight = weight >= floor ? weight : 0.0f;
}

void SumRuns(std::span<const float> weights, std::vector<double>& run_sums) {
  run_sums.resize(RunCount(weights.size()));
  for (size_t run = 0; run < run_sums.size(); ++run) {
    double sum = 0;
    for (float weight : Run(weights, run)) sum += weight;
    run_sums[run] = sum;
  }
}

}  // namespace cairn
