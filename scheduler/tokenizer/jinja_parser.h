// Template source to tree. What the renderer does not know is refused here, by name and place, and
// not in the middle of somebody's request.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "scheduler/tokenizer/jinja_ast.h"

namespace cairn::jinja {

inline constexpr size_t kTemplateBytesMax = 1 << 20;
inline constexpr int kTreeDepthMax = 200;

// A kBlock of the whole template.
// InvalidArgument with line and column: syntax errors as in Jinja2; tags, filters, tests, functions
// and methods that are not supported; a tree deeper than kTreeDepthMax; a source over
// kTemplateBytesMax.
absl::StatusOr<NodePtr> ParseTemplate(std::string_view source);

}  // namespace cairn::jinja
