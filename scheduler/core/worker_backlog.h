// How many prompt tokens a worker still has to compute, from two sources of different age: the
// worker's last word, which counts everybody's requests but is old, and what this scheduler has
// sent it and heard finished since, which is exact but only its own. With it, a burst is seen
// before the worker has said a word, and schedulers with stale views do not all pick the same idle
// worker twice.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kvstore/base/time.h"

namespace cairn {

class WorkerBacklog {
 public:
  // This scheduler sent a request; its prompt is done, or it ended before.
  void Send(uint64_t tokens) {
    own_ += tokens;
    sent_since_ += tokens;
  }
  void Finish(uint64_t tokens) {
    own_ -= tokens;
    finished_since_ += tokens;
  }
  // The worker said how much it has left.
  void Hear(uint64_t tokens_left, Instant now) {
    word_ = tokens_left;
    heard_ = now;
    sent_since_ = 0;
    finished_since_ = 0;
  }

  // Own prompt tokens that are sent and not finished.
  uint64_t own() const { return own_; }

  // What is left of the word and of what was sent since. It was worked on meanwhile: at least what
  // was heard finished, and by the clock what `token` allows; but what was sent since is there as
  // far as own prompts are not finished.
  uint64_t Estimate(Instant now, Duration token) const {
    const int64_t elapsed = std::max<int64_t>(0, (now - heard_).nanoseconds());
    const uint64_t by_clock =
        static_cast<uint64_t>(elapsed / std::max<int64_t>(1, token.nanoseconds()));
    const uint64_t done = std::max(by_clock, finished_since_);
    const uint64_t all = word_ + sent_since_;
    return std::max(all - std::min(all, done), std::min(sent_since_, own_));
  }

 private:
  uint64_t own_ = 0;
  uint64_t word_ = 0;
  Instant heard_;
  uint64_t sent_since_ = 0;
  uint64_t finished_since_ = 0;
};

}  // namespace cairn
