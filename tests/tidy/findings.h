// What the rule tests share: the tree, which folder is whose, and a list of all that is wrong.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/include_rules.h"
#include "tests/tidy/source_tree.h"

namespace cairn::tidy {

inline const std::vector<SourceFile>& Tree() {
  static const std::vector<SourceFile> kTree = ReadSourceTree(CAIRN_SOURCE_DIR);
  return kTree;
}

inline const std::vector<std::string_view> kTopFolders = {
    "proto", "kvstore", "scheduler", "worker", "kernels", "deploy", "tests"};

inline bool IsOurs(std::string_view path) {
  return std::any_of(kTopFolders.begin(), kTopFolders.end(),
                     [path](std::string_view folder) { return IsUnder(path, folder); });
}

inline bool IsListed(const std::vector<Exception>& exceptions, std::string_view path) {
  return std::any_of(exceptions.begin(), exceptions.end(),
                     [path](const Exception& exception) { return exception.path == path; });
}

inline bool IsPure(std::string_view path) {
  const auto& folders = PureFolders();
  return IsLoop(path) || std::any_of(folders.begin(), folders.end(),
                                     [path](std::string_view f) { return IsUnder(path, f); });
}

// Collects what is wrong, so that one run names everything.
class Findings {
 public:
  void Add(const std::string& path, int line, const std::string& what) {
    text_ << "\n  " << path << ":" << line << ": " << what;
    ++count_;
  }
  void RequireNone() const {
    INFO(text_.str());
    REQUIRE(count_ == 0);
  }

 private:
  std::ostringstream text_;
  int count_ = 0;
};

}  // namespace cairn::tidy
