// Sizes and durations: whatever is typed, no crash; what is accepted prints and reads back the
// same.
#include <cstddef>
#include <cstdint>
#include <string>

#include "deploy/cli/units.h"
#include "kvstore/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto bytes = cairn::ParseSize(text);
  if (bytes.ok()) CAIRN_CHECK(cairn::ParseSize(cairn::FormatSize(*bytes)).value() == *bytes);
  const auto duration = cairn::ParseDuration(text);
  if (duration.ok()) {
    CAIRN_CHECK(cairn::ParseDuration(cairn::FormatDuration(*duration)).value() == *duration);
  }
  return 0;
}
