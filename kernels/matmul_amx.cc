// bf16 matrix multiplication for AMX. Everything else of this level is that of AVX-512 with BF16
// (all processors with AMX have it), reached through its table.
#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul_args.h"

namespace cairn::level_avx512_bf16 {
extern const MatMulKernels kMatMul;
}

namespace cairn::level_amx {
namespace {

#include "kernels/amx_tiles.inc"

#include "kernels/matmul_amx_body.inc"

void Integer(const MatMulArgs& args) { level_avx512_bf16::kMatMul.integer(args); }
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
