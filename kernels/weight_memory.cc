#include "kernels/weight_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace cairn {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Whole huge pages, aligned to them. REQUIRES: bytes is a multiple of kHugePage.
std::shared_ptr<std::byte> Map(size_t bytes) {
  void* const mapped = mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const start = static_cast<std::byte*>(mapped);
  const size_t skipped = (kHugePage - reinterpret_cast<uintptr_t>(start) % kHugePage) % kHugePage;
  if (skipped > 0) munmap(start, skipped);
  if (skipped < kHugePage) munmap(start + skipped + bytes, kHugePage - skipped);
  madvise(start + skipped, bytes, MADV_HUGEPAGE);  // a wish: small pages do as well, more slowly
  return {start + skipped, [bytes](std::byte* memory) { munmap(memory, bytes); }};
}

}  // namespace

std::shared_ptr<std::byte> WeightMemory::Take(size_t bytes) {
  if (bytes > SIZE_MAX / 4) throw std::bad_alloc();
  bytes = RoundUp(bytes, 64);
  if (chunk_size_ - chunk_used_ < bytes) {
    const size_t size = RoundUp(std::max(bytes, chunk_bytes_), kHugePage);
    chunk_ = Map(size);
    chunk_size_ = size;
    chunk_used_ = 0;
  }
  std::shared_ptr<std::byte> taken(chunk_, chunk_.get() + chunk_used_);
  chunk_used_ += bytes;
  taken_bytes_ += bytes;
  return taken;
}

}  // namespace cairn
