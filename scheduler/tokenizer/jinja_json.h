// Values as JSON text, laid out as Python's json.dumps does.
#pragma once

#include <string>

#include "scheduler/tokenizer/jinja_renderer.h"

namespace cairn::jinja {

struct JsonLayout {
  bool ascii_only = false;
  bool sort_keys = false;
  bool has_indent = false;
  std::string indent;  // of each level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

// Fails the renderer for values that JSON does not have.
std::string ToJson(Renderer& renderer, const Value& value, const JsonLayout& layout);

}  // namespace cairn::jinja
