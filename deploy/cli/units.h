// Sizes and durations as people write them: 64GiB, 1.5MB, 500ms, 1m30s. Parsed exactly, in
// integers.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kvstore/base/time.h"

namespace cairn {

// Bytes. Units (any case): B, KB MB GB TB (powers of 1000), KiB MiB GiB TiB (powers of 1024); a
// bare number is bytes. A bare K, M or G is refused, because half the world means 1000 by it.
absl::StatusOr<uint64_t> ParseSize(absl::string_view text);

// The largest binary unit that says it exactly: 67108864 -> "64MiB", 1000 -> "1000". ParseSize
// reads it back to the same number.
std::string FormatSize(uint64_t bytes);

// For people, not for parsing: "93.8 MiB".
std::string FormatSizeRounded(uint64_t bytes);

// Units: ns us ms s m h d, also in a row ("1m30s"). Zero needs no unit; anything else does. Never
// negative.
absl::StatusOr<Duration> ParseDuration(absl::string_view text);

// The largest unit that says it exactly: 1500ms, 90s -> "90s". ParseDuration reads it back.
std::string FormatDuration(Duration duration);

// For people: 12345 -> "12,345".
std::string FormatGrouped(uint64_t number);

// For people: "850 ms", "12.3 s", "4 min 10 s".
std::string FormatDurationRounded(Duration duration);

}  // namespace cairn
