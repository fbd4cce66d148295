// Bytes as a safetensors file: whatever is accepted must be readable to its last row.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/model/dequantize.h"
#include "worker/model/safetensors_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cairn;
  const std::vector<uint8_t> exact(data, data + size);
  const absl::StatusOr<std::vector<Tensor>> tensors =
      ReadSafetensors(std::as_bytes(std::span(exact)));
  if (!tensors.ok()) return 0;
  for (const Tensor& tensor : *tensors) {
    std::vector<float> row(tensor.columns());
    DequantizeRow(tensor.type, tensor.row(tensor.rows() - 1), row);
  }
  return 0;
}
