#include "kvstore/media/host_arena.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr uint64_t kHugePage = uint64_t{2} << 20;

absl::Status NoRoom(uint64_t bytes, absl::string_view why) {
  return absl::ResourceExhaustedError(absl::StrCat("cannot map ", bytes >> 20,
                                                   " MiB for KV blocks: ", why,
                                                   "; give KV a smaller budget or free memory"));
}

// What the kernel thinks can be had without swapping; nothing when it does not say.
std::optional<uint64_t> AvailableBytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  for (uint64_t kib = 0; meminfo >> name >> kib; meminfo.ignore(256, '\n')) {
    if (name == "MemAvailable:") return kib << 10;
  }
  return std::nullopt;
}

// Asked before pages get memory, because one that finds none makes the kernel kill a process
// instead of reporting an error.
absl::Status CheckRoom(uint64_t bytes) {
  const std::optional<uint64_t> available = AvailableBytes();
  if (available.has_value() && *available < bytes) {
    return NoRoom(bytes, absl::StrCat("only ", *available >> 20, " MiB are available"));
  }
  return absl::OkStatus();
}

// Gives every page its memory.
absl::Status Prefault(std::byte* base, uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE  // Linux 5.14
  if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0) return absl::OkStatus();
  if (errno != EINVAL && errno != ENOSYS) return NoRoom(bytes, std::strerror(errno));
#endif
  for (uint64_t at = 0; at < bytes; at += 4096) {
    static_cast<volatile std::byte*>(base)[at] = std::byte{0};
  }
  return absl::OkStatus();
}

// The same while others write to the pages: they keep what they hold. Where the kernel does not
// offer that, pages are left to those who write first.
void PrefaultBehind(const std::stop_token& stop, std::byte* base, uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  pthread_setname_np(pthread_self(), "cairn-prefault");
  const sched_param none{};
  static_cast<void>(pthread_setschedparam(pthread_self(), SCHED_IDLE, &none));
  for (uint64_t at = 0; at < bytes && !stop.stop_requested(); at += kHugePage) {
    if (madvise(base + at, kHugePage, MADV_POPULATE_WRITE) != 0) return;
  }
#else
  static_cast<void>(stop), static_cast<void>(base), static_cast<void>(bytes);
#endif
}

}  // namespace

absl::StatusOr<std::unique_ptr<HostArena>> HostArena::Make(uint32_t slots, uint64_t slot_bytes,
                                                           ArenaFill fill) {
  CAIRN_CHECK_GT(slots, 0u);
  CAIRN_CHECK(slot_bytes > 0 && slot_bytes % 64 == 0);
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(uint64_t{slots}, slot_bytes, &bytes) ||
      bytes > (uint64_t{1} << 46)) {  // half of what an x86-64 process can address
    return absl::ResourceExhaustedError(absl::StrCat(slots, " slots of ", slot_bytes,
                                                     " bytes are more than a process can address"));
  }
  const uint64_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  const uint64_t reserved = rounded + kHugePage;
  void* map = mmap(nullptr, reserved, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return NoRoom(bytes, std::strerror(errno));
  // Keep the aligned part; give the rest back.
  auto* start = static_cast<std::byte*>(map);
  const auto address = reinterpret_cast<uintptr_t>(start);
  const uint64_t skip = (address + kHugePage - 1) / kHugePage * kHugePage - address;
  std::byte* base = start + skip;
  if (skip > 0) munmap(start, skip);
  if (reserved - skip > rounded) munmap(base + rounded, reserved - skip - rounded);
  // A wish, not a need: without huge pages reads of scattered slots miss the TLB more often.
  static_cast<void>(madvise(base, rounded, MADV_HUGEPAGE));
  // KV is private to its tenants and large: keep it out of core dumps.
  static_cast<void>(madvise(base, rounded, MADV_DONTDUMP));
  std::unique_ptr<HostArena> arena(new HostArena(base, rounded, slots, slot_bytes));
  if (fill == ArenaFill::kOnDemand) return arena;
  if (absl::Status status = CheckRoom(rounded); !status.ok()) return status;
  if (fill == ArenaFill::kPrefaultBehind) {
    arena->filler_ = std::jthread(PrefaultBehind, base, rounded);
  } else if (absl::Status status = Prefault(base, rounded); !status.ok()) {
    return status;
  }
  return arena;
}

HostArena::~HostArena() {
  filler_ = std::jthread();  // stops and is awaited before its pages go
  munmap(base_, mapped_bytes_);
}

std::span<std::byte> HostArena::At(SlotIndex slot) {
  CAIRN_CHECK_LT(slot.value(), slots_);
  return {base_ + uint64_t{slot.value()} * slot_bytes_, slot_bytes_};
}

}  // namespace cairn
