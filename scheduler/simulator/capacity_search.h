// The smallest cluster that keeps its promise under every seed: by doubling until it does, then by
// halving the distance. Attainment rises with the number of workers, but for luck near the knee; so
// the answer is a size that was tried and kept it, next to one that was tried and did not.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace cairn {

struct CapacitySearch {
  double attainment = 0.9;   // the share of requests that must attain their targets, for every seed
  uint32_t first = 1;        // where to begin: what the work bound says is a good guess
  uint32_t workers_min = 1;  // fewer are not tried
  uint32_t workers_max = 4096;
};

struct CapacityTrial {
  uint32_t workers = 0;
  std::vector<double> attainment;  // by seed
  friend bool operator==(const CapacityTrial&, const CapacityTrial&) = default;
};

bool KeepsPromise(const CapacityTrial& trial, double attainment);

struct Capacity {
  uint32_t workers = 0;               // 0: not even workers_max are enough
  std::vector<CapacityTrial> trials;  // by number of workers, each once; one beside the answer
                                      // on both sides, where there is one
  const CapacityTrial* TrialOf(uint32_t workers) const;
};

// `run` answers with the attainment of every seed; it is asked once for each number of workers.
Capacity SearchCapacity(const CapacitySearch& search,
                        const std::function<std::vector<double>(uint32_t workers)>& run);

}  // namespace cairn
