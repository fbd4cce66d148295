// The link edges that the CMakeLists files declare, read as text.
#pragma once

#include <string>
#include <vector>

#include "tests/tidy/source_tree.h"

namespace cairn::tidy {

struct CMakeTarget {
  std::string name;
  std::string file;                  // the CMakeLists.txt
  std::vector<std::string> sources;  // from the repository's root
  std::vector<std::string> links;    // targets, as written
};

// Targets made by cairn_library, cairn_test and add_executable, in order of appearance.
std::vector<CMakeTarget> CMakeTargets(const std::vector<SourceFile>& tree);

}  // namespace cairn::tidy
