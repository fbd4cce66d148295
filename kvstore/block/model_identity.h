// What must be equal for the KV of two runs to be interchangeable, as one digest.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "kvstore/block/block_geometry.h"

namespace cairn {

// The parts of the identity. Strings are compared byte by byte and never interpreted.
struct ModelTraits {
  std::string weights_digest;   // of the model file's tensors and of the sizes that shape them
  std::string weight_format;    // as computed with at run time: "bf16", "int8", "q4", ...
  std::string rope;             // base, scaling and layout: "base=10000 scale=none neox"
  BlockGeometry geometry;       // KV type, block size, layer classes
  uint32_t layout_version = 1;  // of the bytes inside a block (kernels/kv_layout.h)
};

// Equal digests: a block of one may be read by the other. Stable across processes and releases
// (fixed by test vectors).
struct ModelIdentity {
  std::array<uint8_t, 32> digest{};
  friend bool operator==(const ModelIdentity&, const ModelIdentity&) = default;
};

// SHA-256 of the traits, each part preceded by its length.
ModelIdentity MakeModelIdentity(const ModelTraits& traits);

}  // namespace cairn
