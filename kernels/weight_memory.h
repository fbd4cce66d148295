// Memory for the weights of a model, in chunks of huge pages that its matrices share: a matrix of
// its own 2 MiB pages would waste half a page each, and one of 4 KiB pages misses the TLB at every
// line that a prefetch has not seen.
#pragma once

#include <cstddef>
#include <memory>

namespace cairn {

// Not for several threads. Chunks outlive it for as long as what was taken from them.
class WeightMemory {
 public:
  // chunk_bytes: address space asked for at a time; pages that are never written are never
  // resident.
  explicit WeightMemory(size_t chunk_bytes = size_t{32} << 20) : chunk_bytes_(chunk_bytes) {}

  // Zeroed and 64-aligned. REQUIRES: bytes > 0. Throws std::bad_alloc.
  std::shared_ptr<std::byte> Take(size_t bytes);

  size_t taken_bytes() const { return taken_bytes_; }

 private:
  size_t chunk_bytes_;
  std::shared_ptr<std::byte> chunk_;
  size_t chunk_used_ = 0;
  size_t chunk_size_ = 0;
  size_t taken_bytes_ = 0;
};

}  // namespace cairn
