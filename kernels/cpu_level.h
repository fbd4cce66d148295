// Which instructions a kernel may use.
#pragma once

#include <cstdint>

namespace cairn {

enum class CpuLevel : uint8_t { kPortable, kAvx2, kAvx512, kAmx };

}  // namespace cairn
