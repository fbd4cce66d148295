// fp16 and bf16 to float and back, bit by bit: for packing and for references, not for hot loops.
// Narrowing rounds to nearest even.
#pragma once

#include <cstdint>

namespace cairn {

float FloatFromHalf(uint16_t bits);
uint16_t HalfFromFloat(float value);  // what is too large becomes infinity; NaN stays NaN
float FloatFromBf16(uint16_t bits);
uint16_t Bf16FromFloat(float value);

}  // namespace cairn
