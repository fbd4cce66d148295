#include "kernels/append_kv.h"

#include <cmath>
#include <cstring>

namespace cairn {
namespace {

constexpr uint32_t kAtOnce = 16;  // a head size is a multiple of it: loops that compilers vectorise

void Narrow(const float* x, uint16_t* out) {
  uint32_t bits[kAtOnce];
  std::memcpy(bits, x, sizeof(bits));
  for (uint32_t i = 0; i < kAtOnce; ++i) {
    const uint32_t rounded = bits[i] + 0x7fff + ((bits[i] >> 16) & 1);
    const bool nan = (bits[i] & 0x7fffffff) > 0x7f800000;  // rounding must not make it infinite
    out[i] = static_cast<uint16_t>((nan ? bits[i] | 0x400000 : rounded) >> 16);
  }
}

// Where elements of one token lie: element i of keys at (i/ways) * 16 * ways + token * ways + i %
// ways; of values at (token/ways) * dim * ways + i * ways + token % ways.
void PutBf16(const float* key, const float* value, uint32_t dim, uint32_t token, std::byte* keys,
             std::byte* values) {
  std::byte* k = keys + token * 4;
  std::byte* v = values + (token / 2) * dim * 4 + token % 2 * 2;
  uint16_t narrow[kAtOnce];
  for (uint32_t i = 0; i < dim; i += kAtOnce) {
    Narrow(key + i, narrow);
    for (uint32_t j = 0; j < kAtOnce; j += 2) std::memcpy(k + (i + j) / 2 * 64, narrow + j, 4);
    Narrow(value + i, narrow);
    for (uint32_t j = 0; j < kAtOnce; ++j) std::memcpy(v + (i + j) * 4, narrow + j, 2);
  }
}

// Scale of one token's vector: its largest magnitude becomes 127. A vector with NaN or infinity
// gets a NaN scale: garbage must not turn into numbers.
float Int8Scale(const float* x, uint32_t dim) {
  float max[kAtOnce] = {}, check[kAtOnce] = {};
  for (uint32_t i = 0; i < dim; i += kAtOnce) {
    for (uint32_t j = 0; j < kAtOnce; ++j) {
      const float magnitude = std::fabs(x[i + j]);
      max[j] = magnitude > max[j] ? magnitude : max[j];
      check[j] += magnitude * 0.0f;
    }
  }
  for (uint32_t j = 1; j < kAtOnce; ++j) {
    max[0] = max[j] > max[0] ? max[j] : max[0];
    check[0] += check[j];
  }
  return max[0] / 127.0f + check[0];
}

// To nearest even: in the float 1.5 x 2^23 + x, |x| <= 127, the last byte is x as an integer.
void Narrow(const float* x, float inverse_scale, uint8_t* out) {
  float moved[kAtOnce];
  for (uint32_t i = 0; i < kAtOnce; ++i) moved[i] = x[i] * inverse_scale + 12582912.0f;
  uint32_t bits[kAtOnce];
  std::memcpy(bits, moved, sizeof(bits));
  for (uint32_t i = 0; i < kAtOnce; ++i) out[i] = static_cast<uint8_t>(bits[i]);
}

void PutInt8(const float* key, const float* value, uint32_t dim, uint32_t token, std::byte* keys,
             std::byte* values) {
  const float key_scale = Int8Scale(key, dim), value_scale = Int8Scale(value, dim);
  const float key_inverse = key_scale == 0 ? 0 : 1 / key_scale;
  const float value_inverse = value_scale == 0 ? 0 : 1 / value_scale;
  std::memcpy(keys + 16 * dim + token * 4, &key_scale, 4);
  std::memcpy(values + 16 * dim + token * 4, &value_scale, 4);
  std::byte* v = values + (token / 4) * dim * 4 + token % 4;
  uint8_t narrow[kAtOnce];
  for (uint32_t i = 0; i < dim; i += kAtOnce) {
    Narrow(key + i, key_inverse, narrow);
    for (uint32_t j = 0; j < kAtOnce; j += 4) {
      std::memcpy(keys + (i + j) / 4 * 64 + token * 4, narrow + j, 4);
    }
    Narrow(value + i, value_inverse, narrow);
    for (uint32_t j = 0; j < kAtOnce; ++j) v[(i + j) * 4] = static_cast<std::byte>(narrow[j]);
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
