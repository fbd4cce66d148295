#include "worker/model/weights_digest.h"

#include <xxhash.h>

#include <memory>

#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

}  // namespace

std::string WeightsDigest(const WeightFile& file) {
  const std::unique_ptr<XXH3_state_t, FreeState> state(XXH3_createState());
  XXH3_128bits_reset(state.get());
  const auto add_number = [&](uint64_t number) {
    uint8_t bytes[8];  // little endian everywhere
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
    XXH3_128bits_update(state.get(), bytes, sizeof bytes);
  };
  for (const Tensor& tensor : file.tensors()) {
    add_number(tensor.name.size());
    XXH3_128bits_update(state.get(), tensor.name.data(), tensor.name.size());
    add_number(static_cast<uint64_t>(tensor.type));
    add_number(tensor.shape.size());
    for (uint64_t size : tensor.shape) add_number(size);
    XXH3_128bits_update(state.get(), tensor.bytes.data(), tensor.bytes.size());
    DropPages(tensor.bytes);
  }
  const XXH128_hash_t digest = XXH3_128bits_digest(state.get());
  return absl::StrCat(absl::Hex(digest.high64, absl::kZeroPad16),
                      absl::Hex(digest.low64, absl::kZeroPad16));
}

}  // namespace cairn
