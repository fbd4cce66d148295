// The bytes of one tier's slots: slot -> span. An arena owns its memory and knows nothing of keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kvstore/base/ids.h"

namespace cairn {

class Arena {
 public:
  virtual ~Arena() = default;
  virtual uint32_t slots() const = 0;
  virtual uint64_t slot_bytes() const = 0;              // a multiple of 64
  virtual std::span<std::byte> At(SlotIndex slot) = 0;  // REQUIRES: slot < slots(); 64-aligned
};

}  // namespace cairn
