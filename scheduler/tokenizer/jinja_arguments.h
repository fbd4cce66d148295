// Arguments of a builtin put in their places.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "scheduler/tokenizer/jinja_builtins.h"
#include "scheduler/tokenizer/jinja_renderer.h"

namespace cairn::jinja {

// The arguments of one call by parameter. Fails the renderer for one too many or an unknown name.
class BoundArguments {
 public:
  BoundArguments(Renderer& renderer, const Arguments& arguments,
                 std::initializer_list<std::string_view> parameters);

  // Null: not given.
  const Value* operator[](size_t parameter) const { return given_[parameter]; }
  bool IsGiven(size_t parameter) const {
    return given_[parameter] != nullptr && !given_[parameter]->Is(Kind::kNone);
  }
  // What was given, or the fallback.
  bool Flag(size_t parameter, bool fallback) const;
  int64_t Integer(size_t parameter, int64_t fallback);
  // A trusted empty text if nothing was given.
  const Text& String(size_t parameter);

 private:
  Renderer& renderer_;
  std::vector<const Value*> given_;
  Text nothing_;
};

}  // namespace cairn::jinja
