// Bytes as a config.json: refused or described, never anything else.
#include <cstddef>
#include <cstdint>
#include <string>

#include "worker/model/model_config.h"
#include "worker/model/weight_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cairn;
  const WeightFile file(WeightFileKind::kSafetensors, "fuzz", {}, Metadata(), {},
                        std::string(reinterpret_cast<const char*>(data), size));
  (void)ReadModelConfig(file);
  return 0;
}
