// The files of deploy/profiles as text; CMake writes the list.
#pragma once

#include <span>

namespace cairn {

struct BuiltInProfile {
  const char* name;  // the file's, without ".yaml"
  const char* text;
};

std::span<const BuiltInProfile> BuiltInProfileTexts();

}  // namespace cairn
