// The three loops over a whole row of logits that sampling needs, vectorised: peaks, softmax
// weights, the largest few. Results are the same on every x86-64: no fused multiply-add, one fixed
// order of summation.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kvstore/base/ids.h"

namespace cairn {

// The row is looked at in runs of this many logits; the last run may be shorter.
inline constexpr size_t kLogitRun = 256;

struct LogitPeaks {
  std::vector<float> run_max;  // of each run; NaNs are not seen
  float max = 0;               // of the row; -infinity for an empty row
  bool has_nan = false;
};

// Fills `peaks` (reused memory).
void ScanPeaks(std::span<const float> logits, LogitPeaks& peaks);

// The lowest index that holds peaks.max. REQUIRES: not empty, no NaN.
size_t FirstOfPeak(std::span<const float> logits, const LogitPeaks& peaks);

// Sums of exp((logit - max) * scale) over each run; each weight is within 2 ulp of float's exp,
// those below e^-87 count as zero. `weights`, if not empty, receives each weight (same size as
// logits). REQUIRES: logit <= max for all, scale > 0 and finite.
void SumWeights(std::span<const float> logits, float max, float scale, std::span<float> weights,
                std::vector<double>& run_sums);

struct LogitEntry {
  float logit = 0;
  TokenId token = 0;
};

// True if `a` comes before `b`: larger first, the lower id among equals.
inline bool Before(const LogitEntry& a, const LogitEntry& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

// All entries with logit >= floor (-infinity itself never), in id order, replacing `found`.
void GatherAbove(std::span<const float> logits, const LogitPeaks& peaks, float floor,
                 std::vector<LogitEntry>& found);

// The `count` first entries in the order of Before, sorted; fewer if fewer are above -infinity.
// Linear in the row, and in count * log(count).
void SelectLargest(std::span<const float> logits, const LogitPeaks& peaks, size_t count,
                   std::vector<LogitEntry>& found);

// Sets to zero all weights but the fewest that hold `share` of `total`: the largest, the lower ids
// among equals; at least one stays. Linear: a radix search for the smallest weight that stays.
// REQUIRES: each weight in [0, 1], total their sum.
void KeepLargestShare(std::span<float> weights, double share, double total);

// Sets to zero the weights below `floor`.
void KeepAbove(std::span<float> weights, float floor);

// The sums of each run of `weights`.
void SumRuns(std::span<const float> weights, std::vector<double>& run_sums);

}  // namespace cairn
