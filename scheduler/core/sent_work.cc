#include "scheduler/core/sent_work.h"

#include <algorithm>
#include <utility>

namespace cairn {

SentWork::SentWork(Duration window)
    : slice_ns_(std::max<int64_t>(1, window.nanoseconds() / kSlices)) {}

void SentWork::Learn(const FleetView& fleet) {
  if (!met_ || membership_ != fleet.membership) LearnWorkers(fleet);
  met_ = true;
  membership_ = fleet.membership;
  const int64_t slice = fleet.now.nanoseconds() / slice_ns_;
  for (int64_t passed = std::min(slice - slice_, kSlices); passed > 0; --passed) {
    const auto oldest = static_cast<size_t>((slice - passed + 1) % kSlices);
    for (Book& book : books_) {
      const int64_t gone = std::exchange(book.work_ns[oldest], 0);
      book.sum_ns -= gone;
      sum_ns_ -= gone;
    }
  }
  slice_ = std::max(slice_, slice);
}

void SentWork::LearnWorkers(const FleetView& fleet) {
  // Who is new has as much behind it as the others, or everything would go to it for a window.
  const int64_t mean_ns = mean().nanoseconds();
  std::vector<Book> books;
  size_t old = 0;
  for (const WorkerView* worker : fleet.workers) {
    while (old < books_.size() && books_[old].node < worker->node) ++old;
    const bool same = old < books_.size() && books_[old].node == worker->node &&
                      books_[old].epoch == worker->epoch;
    books.push_back(same ? books_[old] : Book{.node = worker->node, .epoch = worker->epoch});
    if (same) continue;
    for (int64_t& work : books.back().work_ns) work = mean_ns / kSlices;
    books.back().sum_ns = mean_ns / kSlices * kSlices;
  }
  books_ = std::move(books);
  sum_ns_ = 0;
  for (const Book& book : books_) sum_ns_ += book.sum_ns;
}

Duration SentWork::mean() const {
  if (books_.empty()) return Duration();
  return Nanoseconds(sum_ns_ / static_cast<int64_t>(books_.size()));
}

void SentWork::Add(size_t worker, Duration work) {
  Book& book = books_[worker];
  book.work_ns[static_cast<size_t>(slice_ % kSlices)] += work.nanoseconds();
  book.sum_ns += work.nanoseconds();
  sum_ns_ += work.nanoseconds();
}

}  // namespace cairn
