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
void EncodeBf16(const EncodeRowArgs& args) { level_avx512_bf16::kMatMul.encode_bf16(args); }

}  // namespace

extern const MatMulKernels kMatMul;
constinit const MatMulKernels kMatMul = {Integer, Bf16, EncodeInt8, EncodeBf16,
                                         ActivationKind::kBf16};

}  // namespace cairn::level_amx
