// Matrix multiplication for AMX. Integer formats with few rows, and encoding, are those of AVX-512
// with BF16 (all processors with AMX have it), reached through its table.
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul_args.h"

#define UNROLL _Pragma("GCC unroll 32")

namespace cairn::level_avx512_bf16 {
extern const MatMulKernels kMatMul;
}

namespace cairn::level_amx {
namespace {

#include "kernels/amx_tiles.inc"

#include "kernels/amx_lanes.inc"

#include "kernels/matmul_amx_body.inc"

#include "kernels/panel_format.inc"

#include "kernels/matmul_amx_integer.inc"

void Integer(const MatMulArgs& args) {
  if (FitsTiles(args.tile_rows)) return IntegerTiles(args);
  level_avx512_bf16::kMatMul.integer(args);
}
void EncodeInt8(const EncodeRowArgs& args) { level_avx512_bf16::kMatMul.encode_int8(args); }
void EncodeInt15(const EncodeRowArgs& args) { level_avx512_bf16::kMatMul.encode_int15(args); }
void EncodeBf16(const EncodeRowArgs& args) { level_avx512_bf16::kMatMul.encode_bf16(args); }

}  // namespace

extern const MatMulKernels kMatMul;
constinit const MatMulKernels kMatMul = {
    .integer = Integer,
    .bf16 = Bf16,
    .encode_int8 = EncodeInt8,
    .encode_int15 = EncodeInt15,
    .encode_bf16 = EncodeBf16,
    .bf16_kind = ActivationKind::kBf16,
};

}  // namespace cairn::level_amx
