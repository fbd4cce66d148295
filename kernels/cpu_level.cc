#include "kernels/cpu_level.h"

#include <cstddef>
#include <iterator>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace cairn {
namespace {

constexpr std::string_view kNames[] = {"portable", "avx2", "avx512", "amx"};

#if defined(__x86_64__)

struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf Ask(unsigned leaf, unsigned subleaf) {
  Leaf answer;
  if (!__get_cpuid_count(leaf, subleaf, &answer.eax, &answer.ebx, &answer.ecx, &answer.edx)) {
    return Leaf{};
  }
  return answer;
}

bool Bit(unsigned word, unsigned bit) { return (word >> bit & 1) != 0; }

// What the operating system saves on a switch of threads. REQUIRES: OSXSAVE.
uint64_t SavedState() {
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

bool MayUseTiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

struct Features {
  CpuLevel level = CpuLevel::kPortable;
  bool avx512_bf16 = false;
};

Features Detect() {
  const Leaf one = Ask(1, 0);
  const Leaf seven = Ask(7, 0);
  const Leaf seven_one = Ask(7, 1);
  Features found;
  if (!Bit(one.ecx, 27)) return found;  // OSXSAVE
  const uint64_t saved = SavedState();
  constexpr uint64_t kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;
  const bool fma_f16c = Bit(one.ecx, 12) && Bit(one.ecx, 29);
  if ((saved & kYmm) != kYmm || !fma_f16c || !Bit(seven.ebx, 5)) return found;
  found.level = CpuLevel::kAvx2;
  const bool f_dq_bw_vl =
      Bit(seven.ebx, 16) && Bit(seven.ebx, 17) && Bit(seven.ebx, 30) && Bit(seven.ebx, 31);
  if ((saved & kZmm) != kZmm || !f_dq_bw_vl || !Bit(seven.ecx, 11)) return found;
  found.level = CpuLevel::kAvx512;
  found.avx512_bf16 = Bit(seven_one.eax, 5);
  const bool tiles = Bit(seven.edx, 24) && Bit(seven.edx, 22) && Bit(seven.edx, 25);  // bf16, int8
  if ((saved & kTiles) != kTiles || !tiles || !found.avx512_bf16) return found;
  if (!MayUseTiles()) return found;
  found.level = CpuLevel::kAmx;
  return found;
}

#else

struct Features {
  CpuLevel level = CpuLevel::kPortable;
  bool avx512_bf16 = false;
};

Features Detect() { return {}; }

#endif

const Features& Detected() {
  static const Features features = Detect();
  return features;
}

}  // namespace

CpuLevel DetectCpuLevel() { return Detected().level; }

bool HasAvx512Bf16() { return Detected().avx512_bf16; }

std::string_view CpuLevelName(CpuLevel level) { return kNames[static_cast<size_t>(level)]; }

std::optional<CpuLevel> ParseCpuLevel(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<CpuLevel>(i);
  }
  return std::nullopt;
}

}  // namespace cairn
