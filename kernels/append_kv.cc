#include "kernels/append_kv.h"

#include <cmath>
#include <cstring>

namespace cairn {
namespace {

uint16_t Bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((bits >> 16) | 0x40);  // NaN
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Where elements of one token lie: element i of keys at (i/ways) * 16 * ways + token * ways + i %
// ways; of values at (token/ways) * dim * ways + i * ways + token % ways.
void PutBf16(const float* key, const float* value, uint32_t dim, uint32_t token, std::byte* keys,
             std::byte* values) {
  std::byte* k = keys + token * 4;
  std::byte* v = values + (token / 2) * dim * 4 + token % 2 * 2;
  for (uint32_t i = 0; i < dim; i += 2) {
    const uint16_t pair[2] = {Bf16(key[i]), Bf16(key[i + 1])};
    std::memcpy(k + i / 2 * 64, pair, 4);
  }
  for (uint32_t i = 0; i < dim; ++i) {
    const uint16_t x = Bf16(value[i]);
    std::memcpy(v + i * 4, &x, 2);
  }
}

// Scale of one token's vector: its largest magnitude becomes 127. A vector with NaN or infinity
// gets a NaN scale: garbage must not turn into numbers.
float Int8Scale(const float* x, uint32_t dim) {
  float max = 0, check = 0;
  for (uint32_t i = 0; i < dim; ++i) {
    max = std::fabs(x[i]) > max ? std::fabs(x[i]) : max;
    check += x[i] * 0.0f;
  }
  return max / 127.0f + check;
}

int8_t Int8(float x, float inverse_scale) {
  const float scaled = std::nearbyint(x * inverse_scale);
  return static_cast<int8_t>(scaled > 127       ? 127
                             : scaled < -127    ? -127
                             : scaled == scaled ? scaled
                                                : 0);
}

void PutInt8(const float* key, const float* value, uint32_t dim, uint32_t token, std::byte* keys,
             std::byte* values) {
  const float key_scale = Int8Scale(key, dim), value_scale = Int8Scale(value, dim);
  const float key_inverse = key_scale == 0 ? 0 : 1 / key_scale;
  const float value_inverse = value_scale == 0 ? 0 : 1 / value_scale;
  std::memcpy(keys + 16 * dim + token * 4, &key_scale, 4);
  std::memcpy(values + 16 * dim + token * 4, &value_scale, 4);
  std::byte* v = values + (token / 4) * dim * 4 + token % 4;
  for (uint32_t i = 0; i < dim; ++i) {
    keys[i / 4 * 64 + token * 4 + i % 4] = static_cast<std::byte>(Int8(key[i], key_inverse));
    v[i * 4] = static_cast<std::byte>(Int8(value[i], value_inverse));
  }
}

}  // namespace

void AppendKv(const AppendKvArgs& args, CpuLevel level) {
  static_cast<void>(level);
  const KvLayer& layer = args.layer;
  const uint32_t dim = layer.head_dim;
  for (uint32_t row = 0; row < args.rows; ++row) {
    const uint32_t position = args.first_position + row;
    const uint32_t in_block = position % layer.block_tokens;
    const uint32_t group = in_block / kKvGroupTokens, token = in_block % kKvGroupTokens;
    std::byte* base =
        args.slots + args.block_table[position / layer.block_tokens] * args.slot_bytes;
    for (uint32_t head = args.head_begin; head < args.head_end; ++head) {
      const float* key = args.key + row * args.key_stride + size_t{head} * dim;
      const float* value = args.value + row * args.value_stride + size_t{head} * dim;
      std::byte* keys = base + layer.KeyOffset(head, group);
      std::byte* values = base + layer.ValueOffset(head, group);
      if (layer.element == KvElement::kBf16) {
        PutBf16(key, value, dim, token, keys, values);
      } else {
        PutInt8(key, value, dim, token, keys, values);
      }
    }
  }
}

}  // namespace cairn
