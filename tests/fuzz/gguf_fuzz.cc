// Bytes as a GGUF file: whatever is accepted must be readable to its last row and describable.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "worker/model/dequantize.h"
#include "worker/model/gguf_reader.h"
#include "worker/model/model_config.h"
#include "worker/model/weight_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cairn;
  const std::vector<uint8_t> exact(data, data + size);  // its end is where the sanitizer looks
  absl::StatusOr<GgufContents> contents = ReadGguf(std::as_bytes(std::span(exact)));
  if (!contents.ok()) return 0;
  for (const Metadata::Entry& entry : contents->metadata.entries()) {
    (void)contents->metadata.Unsigned(entry.name);
    (void)contents->metadata.Strings(entry.name);
    (void)contents->metadata.Floats(entry.name);
    (void)contents->metadata.Integers(entry.name);
  }
  for (const Tensor& tensor : contents->tensors) {
    if (tensor.columns() > (1 << 20)) continue;
    std::vector<float> row(tensor.columns());
    DequantizeRow(tensor.type, tensor.row(0), row);
    DequantizeRow(tensor.type, tensor.row(tensor.rows() - 1), row);
  }
  const WeightFile file(WeightFileKind::kGguf, "fuzz.gguf", {}, std::move(contents->metadata),
                        std::move(contents->tensors), "");
  (void)ReadModelConfig(file);
  return 0;
}
