// The network of a simulated cluster: which messages come through, and when. While the world is
// hostile they are lost, repeated, late and overtaken, and links are cut in one direction or both.
#pragma once

#include <cstdint>
#include <vector>

#include "kvstore/base/prng.h"
#include "kvstore/base/time.h"
#include "tests/sim/cluster/cluster_options.h"

namespace cairn::sim {

class SimNetwork {
 public:
  // Nodes are numbered from 0. `options` and `prng` outlive the network.
  SimNetwork(const ClusterSimOptions& options, uint32_t nodes, Prng& prng)
      : options_(options), nodes_(nodes), prng_(prng), cuts_(size_t{nodes} * nodes) {}

  bool IsCut(uint32_t from, uint32_t to) const { return cuts_[from * nodes_ + to] > 0; }
  // After how long a message arrives: never, once or twice.
  std::vector<Duration> Carry(uint32_t from, uint32_t to);

  // So many cuts so many mends.
  void Cut(uint32_t from, uint32_t to) { ++cuts_[from * nodes_ + to]; }
  void Mend(uint32_t from, uint32_t to);
  void Heal();

  uint64_t lost() const { return lost_; }
  uint64_t repeated() const { return repeated_; }

 private:
  Duration Delay();

  const ClusterSimOptions& options_;
  const uint32_t nodes_;
  Prng& prng_;
  std::vector<uint32_t> cuts_;  // of each direction of each link
  bool hostile_ = true;
  uint64_t lost_ = 0;
  uint64_t repeated_ = 0;
};

}  // namespace cairn::sim
