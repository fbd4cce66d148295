// Attention for AVX-512 with BF16, queries and weights rounded to bf16.
#include <immintrin.h>

#include "kernels/attention_tile.h"

namespace cairn::level_avx512bf16 {

#include "kernels/lanes_avx512.inc"

#include "kernels/attention_body.inc"

}  // namespace cairn::level_avx512bf16
