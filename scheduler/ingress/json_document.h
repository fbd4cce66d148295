// JSON from strangers to a document: bounded in nesting and in number of values, errors with the
// byte where they are.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "absl/status/statusor.h"

namespace cairn {

struct JsonLimits {
  uint32_t depth = 64;          // of nested arrays and objects
  uint32_t values = 1'000'000;  // array elements and object members: memory is 20 times the text
  uint32_t members = 1024;      // of one object: they are found by looking at one after the other
};

// InvalidArgument with the byte position (from 0), for what is not JSON in UTF-8 or over a limit.
// Objects keep the order of their members.
absl::StatusOr<nlohmann::ordered_json> ParseJson(std::string_view text, const JsonLimits& limits);

}  // namespace cairn
