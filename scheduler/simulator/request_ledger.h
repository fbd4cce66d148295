// What the clients of a virtual cluster hear, and the conservation of requests: whoever arrives
// ends exactly once, hears each token once and in order, and nothing after the end. A breach is a
// bug of the cores and stops the run (CAIRN_CHECK).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "scheduler/core/scheduler_action.h"
#include "scheduler/simulator/cluster_result.h"

namespace cairn {

class RequestLedger {
 public:
  explicit RequestLedger(size_t requests) : records_(requests), cancelled_(requests) {}

  void Arrive(uint32_t request, uint32_t scheduler, uint32_t prompt_tokens, Instant now);
  // `handed`: it comes from another worker, with its KV.
  void Dispatch(uint32_t request, uint32_t worker, bool handed, Instant now);
  void Shed(uint32_t request, Instant now);
  // It was shed and asks again.
  void Return(uint32_t request);
  uint32_t sheds(uint32_t request) const { return records_[request].sheds; }
  // Its client goes away: from now on it does not matter what else it hears.
  void Cancel(uint32_t request) { cancelled_[request] = true; }
  // True: that was the request's last word.
  bool Hear(uint32_t request, const ClientWord& word, Instant now);

  bool IsOpen(uint32_t request) const {
    return records_[request].outcome == RequestOutcome::kUnfinished;
  }
  // The last that it was given to.
  uint32_t WorkerOf(uint32_t request) const { return records_[request].worker; }
  uint64_t open() const { return arrived_ - ended_; }  // arrived and not ended
  uint64_t arrived() const { return arrived_; }
  std::vector<RequestRecord> TakeRecords() { return std::move(records_); }

 private:
  std::vector<RequestRecord> records_;
  std::vector<bool> cancelled_;
  uint64_t arrived_ = 0;
  uint64_t ended_ = 0;
};

}  // namespace cairn
