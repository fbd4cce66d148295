// Row kernels for AVX2, FMA and F16C.
#include <immintrin.h>

#include "kernels/row_kernels.h"

namespace cairn::level_avx2 {

#include "kernels/lanes_avx2.inc"

#include "kernels/rows_body.inc"

}  // namespace cairn::level_avx2
