// Runs the cells of a study (policy, rate, seed, ...) beside each other: each thread takes the next
// one. What a cell does depends on the cell alone, so results do not depend on the threads. Shows
// how far all of them are together.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "deploy/cli/progress.h"

namespace cairn {

class CellQueue {
 public:
  // `threads` 0: as many as there are cores. `requests` is the work of all cells together, as far
  // as it is known.
  CellQueue(uint32_t threads, const std::string& label, uint64_t requests);

  // Calls `one(i)` for every i below `cells`. The answer is the first error by i.
  absl::Status ForEach(uint32_t cells, const std::function<absl::Status(uint32_t)>& one);

  // A cell did so much more.
  void Advance(uint64_t requests);

 private:
  void Work(std::atomic<uint32_t>& next, uint32_t cells,
            const std::function<absl::Status(uint32_t)>& one);

  const uint32_t threads_;
  std::mutex mutex_;
  ProgressBar progress_;
  uint64_t done_ = 0;
  uint32_t failed_ = 0;
  absl::Status status_;
};

}  // namespace cairn
