// What is going to happen in virtual time: a priority queue of (instant, sequence number). What
// happens at one instant happens in the order in which it was added, so that a run can be replayed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "kvstore/base/check.h"
#include "kvstore/base/time.h"

namespace cairn {

template <typename Happening>
class Agenda {
 public:
  struct Entry {
    Instant at;
    uint64_t number = 0;
    Happening what;
  };

  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  Instant next() const { return heap_.front().at; }  // REQUIRES: !empty()

  void Add(Instant at, Happening what) {
    heap_.push_back({at, ++added_, std::move(what)});
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  Entry Take() {
    CAIRN_CHECK(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    Entry first = std::move(heap_.back());
    heap_.pop_back();
    return first;
  }

 private:
  static bool Later(const Entry& a, const Entry& b) {
    return std::tie(a.at, a.number) > std::tie(b.at, b.number);
  }

  std::vector<Entry> heap_;
  uint64_t added_ = 0;
};

}  // namespace cairn
