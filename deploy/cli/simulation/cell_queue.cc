#include "deploy/cli/simulation/cell_queue.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

namespace cairn {

CellQueue::CellQueue(uint32_t threads, const std::string& label, uint64_t requests)
    : threads_(threads > 0 ? threads : std::max(1u, std::thread::hardware_concurrency())),
      progress_(label, requests, "requests") {}

void CellQueue::Work(std::atomic<uint32_t>& next, uint32_t cells,
                     const std::function<absl::Status(uint32_t)>& one) {
  for (uint32_t i; (i = next.fetch_add(1)) < cells;) {
    absl::Status answer = one(i);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!answer.ok() && i < failed_) {
      failed_ = i;
      status_ = std::move(answer);
    }
  }
}

absl::Status CellQueue::ForEach(uint32_t cells, const std::function<absl::Status(uint32_t)>& one) {
  std::atomic<uint32_t> next{0};
  failed_ = cells;
  status_ = absl::OkStatus();
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < std::min(threads_, cells); ++t) {
    threads.emplace_back([&] { Work(next, cells, one); });
  }
  for (std::thread& thread : threads) thread.join();
  return status_;
}

void CellQueue::Advance(uint64_t requests) {
  const std::lock_guard<std::mutex> lock(mutex_);
  progress_.Update(done_ += requests);
}

}  // namespace cairn
