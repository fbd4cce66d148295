// SHA-256 of a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace cairn {

// Lower-case hexadecimal. `progress` is told the bytes read so far.
absl::StatusOr<std::string> FileSha256(const std::filesystem::path& path,
                                       const std::function<void(uint64_t)>& progress);

}  // namespace cairn
