#include "deploy/cli/simulation/cell_queue.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "deploy/cli/progress.h"

namespace cairn {

absl::Status ForEachCell(uint32_t cells, const std::function<absl::Status(uint32_t)>& one) {
  std::atomic<uint32_t> next{0};
  std::mutex mutex;
  uint32_t done = 0;
  uint32_t failed = cells;
  absl::Status status;
  ProgressBar progress("cells", cells);
  std::vector<std::thread> threads;
  const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
  for (uint32_t t = 0; t < std::min(cores, cells); ++t) {
    threads.emplace_back([&] {
      for (uint32_t i; (i = next.fetch_add(1)) < cells;) {
        absl::Status answer = one(i);
        const std::lock_guard<std::mutex> lock(mutex);
        if (!answer.ok() && i < failed) {
          failed = i;
          status = std::move(answer);
        }
        progress.Update(++done);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return status;
}

}  // namespace cairn
