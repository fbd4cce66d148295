// Which unit's functions serve which level.
#include <algorithm>

#include "kernels/attention.h"
#include "kernels/attention_tile.h"
#include "kernels/row_kernels.h"

namespace cairn {

namespace level_portable {
extern const AttentionKernels kAttention;
extern const RowKernels kRows;
}  // namespace level_portable

#if defined(__x86_64__)
namespace level_avx2 {
extern const AttentionKernels kAttention;
extern const RowKernels kRows;
}  // namespace level_avx2
namespace level_avx512bf16 {
extern const AttentionKernels kAttention;
}  // namespace level_avx512bf16
namespace level_amx {
extern const AttentionKernels kAttention;
}  // namespace level_amx
namespace level_avx512 {
extern const AttentionKernels kAttention;
extern const RowKernels kRows;
}  // namespace level_avx512
#endif

AttentionArithmetic AttentionArithmeticOf(CpuLevel level, AttentionArithmetic wanted) {
  AttentionArithmetic best = AttentionArithmetic::kFloat;
#if defined(__x86_64__)
  if (level >= CpuLevel::kAvx512 && HasAvx512Bf16()) best = AttentionArithmetic::kBf16;
  if (level == CpuLevel::kAmx) best = AttentionArithmetic::kBf16Tiles;
#else
  static_cast<void>(level);
#endif
  return std::min(best, wanted);
}

const AttentionKernels& AttentionKernelsFor(CpuLevel level, AttentionArithmetic wanted) {
#if defined(__x86_64__)
  switch (AttentionArithmeticOf(level, wanted)) {
    case AttentionArithmetic::kBf16Tiles:
      return level_amx::kAttention;
    case AttentionArithmetic::kBf16:
      return level_avx512bf16::kAttention;
    case AttentionArithmetic::kFloat:
      if (level >= CpuLevel::kAvx512) return level_avx512::kAttention;
      if (level == CpuLevel::kAvx2) return level_avx2::kAttention;
  }
#endif
  static_cast<void>(level);
  static_cast<void>(wanted);
  return level_portable::kAttention;
}

const RowKernels& RowKernelsFor(CpuLevel level) {
#if defined(__x86_64__)
  if (level == CpuLevel::kAmx || level == CpuLevel::kAvx512) return level_avx512::kRows;
  if (level == CpuLevel::kAvx2) return level_avx2::kRows;
#endif
  static_cast<void>(level);
  return level_portable::kRows;
}

}  // namespace cairn
