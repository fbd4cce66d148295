// Slots in this machine's memory: one anonymous mapping, aligned for huge pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>

#include "absl/status/statusor.h"
#include "kvstore/media/arena.h"

namespace cairn {

// kOnDemand: pages become real when they are first written, so an arena costs what it holds.
// kPrefault: all of them at once, so that no step of the engine waits for the kernel to clear one.
// kPrefaultBehind: the same by a thread of its own, which takes only time that nobody else wants:
// a GiB can take seconds, and the first slots are ready in a moment.
enum class ArenaFill : uint8_t { kOnDemand, kPrefault, kPrefaultBehind };

class HostArena final : public Arena {
 public:
  // ResourceExhausted when the system has no room for it (now, unless kOnDemand), with the bytes
  // asked for.
  // REQUIRES: slots > 0, slot_bytes is a positive multiple of 64.
  static absl::StatusOr<std::unique_ptr<HostArena>> Make(uint32_t slots, uint64_t slot_bytes,
                                                         ArenaFill fill);
  ~HostArena() override;
  HostArena(const HostArena&) = delete;
  HostArena& operator=(const HostArena&) = delete;

  uint32_t slots() const override { return slots_; }
  uint64_t slot_bytes() const override { return slot_bytes_; }
  std::span<std::byte> At(SlotIndex slot) override;

  // All slots, one after another: slot i starts at i * slot_bytes(). For kernels, which walk block
  // tables themselves.
  std::byte* base() { return base_; }

 private:
  HostArena(std::byte* base, uint64_t mapped_bytes, uint32_t slots, uint64_t slot_bytes)
      : base_(base), mapped_bytes_(mapped_bytes), slots_(slots), slot_bytes_(slot_bytes) {}

  std::byte* base_;  // aligned to 2 MiB
  uint64_t mapped_bytes_;
  uint32_t slots_;
  uint64_t slot_bytes_;
  std::jthread filler_;
};

}  // namespace cairn
