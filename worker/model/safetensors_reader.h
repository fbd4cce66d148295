// Reads the head of a safetensors file: where each tensor lies. Knows bytes only, no files.
// Format: github.com/huggingface/safetensors#format
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/tensor.h"

namespace cairn {

// `file` is the whole file and outlives what is returned. Tensors come in the order of their bytes.
// INVALID_ARGUMENT with the byte offset and the reason for anything unsound.
absl::StatusOr<std::vector<Tensor>> ReadSafetensors(std::span<const std::byte> file);

}  // namespace cairn
