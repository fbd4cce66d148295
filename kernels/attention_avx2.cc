// Attention for AVX2, FMA and F16C.
#include <immintrin.h>

#include "kernels/attention_tile.h"

namespace cairn::level_avx2 {

#include "kernels/lanes_avx2.inc"

#include "kernels/attention_body.inc"

}  // namespace cairn::level_avx2
