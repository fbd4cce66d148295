// Row kernels for AVX-512 F, BW, DQ and VL.
#include <immintrin.h>

#include "kernels/row_kernels.h"

namespace cairn::level_avx512 {

#include "kernels/lanes_avx512.inc"

#include "kernels/rows_body.inc"

}  // namespace cairn::level_avx512
