// Which unit's functions serve which level. AMX has no attention of its own: a tile adds in another
// order, which would give other bits than the AVX-512 functions of a cluster's other machines.
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
namespace level_avx512 {
extern const AttentionKernels kAttention;
extern const RowKernels kRows;
}  // namespace level_avx512
#endif

AttentionArithmetic AttentionArithmeticOf(CpuLevel level, AttentionArithmetic wanted) {
#if defined(__x86_64__)
  if (level >= CpuLevel::kAvx512 && __builtin_cpu_supports("avx512bf16")) return wanted;
#endif
  static_cast<void>(level), static_cast<void>(wanted);
  return AttentionArithmetic::kFloat;
}

const AttentionKernels& AttentionKernelsFor(CpuLevel level, AttentionArithmetic arithmetic) {
#if defined(__x86_64__)
  if (AttentionArithmeticOf(level, arithmetic) == AttentionArithmetic::kBf16) {
    return level_avx512bf16::kAttention;
  }
  if (level == CpuLevel::kAmx || level == CpuLevel::kAvx512) return level_avx512::kAttention;
  if (level == CpuLevel::kAvx2) return level_avx2::kAttention;
#endif
  static_cast<void>(level);
  static_cast<void>(arithmetic);
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
