// How much prefill this scheduler has sent to each worker lately, in a sliding window of slices.
//
// A view of a worker's queue is old and does not say what waits for it in other schedulers. What a
// scheduler has sent itself is neither: schedulers that spread their own work evenly spread all of
// it evenly, without a word between them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "scheduler/core/fleet_view.h"

namespace cairn {

class SentWork {
 public:
  explicit SentWork(Duration window);

  // To be called first whenever a fleet is looked at. A worker's new life begins with the mean.
  void Learn(const FleetView& fleet);
  Duration Of(size_t worker) const { return Nanoseconds(books_[worker].sum_ns); }
  Duration mean() const;
  void Add(size_t worker, Duration work);
  // What was added last goes elsewhere. REQUIRES: no Learn in between.
  void TakeBack(size_t worker, Duration work) { Add(worker, Duration() - work); }

 private:
  static constexpr int64_t kSlices = 12;
  struct Book {
    NodeId node;
    Epoch epoch;
    std::array<int64_t, kSlices> work_ns{};
    int64_t sum_ns = 0;
  };

  void LearnWorkers(const FleetView& fleet);

  const int64_t slice_ns_;
  std::vector<Book> books_;  // in the order of the fleet's workers
  uint64_t membership_ = 0;
  bool met_ = false;
  int64_t slice_ = 0;   // the newest
  int64_t sum_ns_ = 0;  // of all
};

}  // namespace cairn
