// Reads the head of a GGUF file: metadata and where each tensor lies. Knows bytes only, no files.
// Format: github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/metadata.h"
#include "worker/model/tensor.h"

namespace cairn {

struct GgufContents {
  Metadata metadata;
  std::vector<Tensor> tensors;  // their bytes point into the file
};

// `file` is the whole file and outlives what is returned.
// INVALID_ARGUMENT with the byte offset and the reason for anything that is not a sound GGUF file
// of version 2 or 3 whose tensor types we read.
absl::StatusOr<GgufContents> ReadGguf(std::span<const std::byte> file);

}  // namespace cairn
