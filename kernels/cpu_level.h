// Which instructions a kernel may use. A level includes those below it.
//   portable   any x86-64 (or any other machine)
//   avx2       AVX2, FMA, F16C
//   avx512     AVX-512 F, BW, VL, DQ and VNNI; a kernel asks HasAvx512Bf16() for more
//   amx        AVX-512 BF16, AMX tile, bf16 and int8 beside that, and the system's permission to
//   use tiles
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cairn {

enum class CpuLevel : uint8_t { kPortable, kAvx2, kAvx512, kAmx };

// The highest level that this processor and this operating system offer. The first call asks Linux
// for the permission to use AMX tiles, for all threads of the process, if there are any.
CpuLevel DetectCpuLevel();

bool HasAvx512Bf16();  // vdpbf16ps, beside level avx512

std::string_view CpuLevelName(CpuLevel level);
std::optional<CpuLevel> ParseCpuLevel(std::string_view name);  // as CpuLevelName; nothing else

}  // namespace cairn
