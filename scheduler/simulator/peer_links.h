// The NICs between virtual workers: each carries one transfer after the other in each direction, so
// a transfer begins when its sender may send and its receiver may receive.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "kvstore/base/time.h"

namespace cairn {

// How KV goes from worker to worker.
struct PeerOptions {
  Duration delay = Microseconds(50);  // of a word
  // How long KV of so many tokens is under way, alone. None: it is there at once.
  std::function<Duration(uint64_t tokens)> transfer_time;
};

class PeerLinks {
 public:
  explicit PeerLinks(PeerOptions options) : options_(std::move(options)) {}

  Duration delay() const { return options_.delay; }
  // When a transfer that is asked for now is over.
  Instant Carry(uint32_t from, uint32_t to, uint64_t tokens, Instant now) {
    nics_.resize(std::max<size_t>(nics_.size(), std::max(from, to) + 1));
    Instant& sends = nics_[from].sends;
    Instant& receives = nics_[to].receives;
    const Duration time = options_.transfer_time ? options_.transfer_time(tokens) : Duration();
    sends = receives = std::max({now, sends, receives}) + time;
    return sends;
  }

 private:
  struct Nic {
    Instant sends;  // until then
    Instant receives;
  };
  PeerOptions options_;
  std::vector<Nic> nics_;  // by worker
};

}  // namespace cairn
