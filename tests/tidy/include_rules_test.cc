// Who may include whom, and who may link whom: the table of tests/tidy/include_rules.h against the
// tree.
#include "tests/tidy/include_rules.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>

#include "tests/tidy/cmake_edges.h"
#include "tests/tidy/findings.h"

namespace cairn::tidy {
namespace {

const IncludeRule* RuleFor(std::string_view path) {
  const IncludeRule* best = nullptr;
  for (const IncludeRule& rule : IncludeRules()) {
    if (IsUnder(path, rule.folder) && (best == nullptr || rule.folder.size() > best->folder.size()))
      best = &rule;
  }
  return best;
}

bool MayInclude(const IncludeRule& rule, std::string_view path) {
  return IsUnder(path, rule.folder) || std::any_of(rule.may_include.begin(), rule.may_include.end(),
                                                   [path](std::string_view allowed) {
                                                     return allowed == path ||
                                                            IsUnder(path, allowed);
                                                   });
}

TEST_CASE("every folder includes only what the house allows") {
  Findings findings;
  for (const SourceFile& file : Tree()) {
    const IncludeRule* rule = RuleFor(file.path);
    if (!IsCpp(file.path)) continue;
    if (rule == nullptr) {
      findings.Add(file.path, 1, "no rule for this folder in tests/tidy/include_rules.h");
      continue;
    }
    for (const Include& include : IncludesOf(file)) {
      if (!include.quoted || !IsOurs(include.path)) continue;
      if (!MayInclude(*rule, include.path)) {
        findings.Add(file.path, include.line,
                     std::string(rule->folder) + " must not include " + include.path);
      }
    }
  }
  findings.RequireNone();
}

TEST_CASE("includes of ours are written from the root and name a file that exists") {
  std::set<std::string> paths;
  for (const SourceFile& file : Tree()) paths.insert(file.path);
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path)) continue;
    for (const Include& include : IncludesOf(file)) {
      if (!include.quoted) continue;
      const bool generated = include.path.ends_with(".pb.h");
      if (IsOurs(include.path)) {
        if (!generated && !paths.contains(include.path)) {
          findings.Add(file.path, include.line, "there is no " + include.path);
        }
      } else if (!include.path.starts_with("absl/") && !include.path.starts_with("google/")) {
        findings.Add(file.path, include.line,
                     include.path + ": from the root for ours, <> for other libraries");
      }
    }
  }
  findings.RequireNone();
}

TEST_CASE("pure folders include the standard library, Abseil and each other, nothing else") {
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path) || !IsPure(file.path)) continue;
    for (const Include& include : IncludesOf(file)) {
      if (include.quoted || include.path.find_first_of("/.") == std::string::npos) continue;
      const bool listed = std::any_of(
          PureLibraries().begin(), PureLibraries().end(), [&](const PureLibrary& library) {
            return library.path == file.path && include.path.starts_with(library.header);
          });
      if (!listed) findings.Add(file.path, include.line, "a library in pure code: " + include.path);
    }
  }
  findings.RequireNone();
}

// The folder of a target's sources; a target with sources in several is judged by each.
std::set<std::string> FoldersOf(const CMakeTarget& target) {
  std::set<std::string> folders;
  for (const std::string& source : target.sources) {
    const IncludeRule* rule = RuleFor(source);
    if (rule != nullptr) folders.insert(std::string(rule->folder));
  }
  return folders;
}

bool MayLink(const IncludeRule& rule, const std::string& folder) {
  return std::any_of(rule.may_include.begin(), rule.may_include.end(),
                     [&folder](std::string_view allowed) {
                       return allowed == folder || IsUnder(folder, allowed) ||
                              (IsHeader(allowed) && IsUnder(allowed, folder));
                     });
}

TEST_CASE("CMake targets link only what their folder may include") {
  const std::vector<CMakeTarget> targets = CMakeTargets(Tree());
  std::map<std::string, std::set<std::string>> folders;
  for (const CMakeTarget& target : targets) folders[target.name] = FoldersOf(target);
  Findings findings;
  for (const CMakeTarget& target : targets) {
    if (IsUnder(target.file, "tests") || target.file == "tests/CMakeLists.txt") continue;
    for (const std::string& folder : folders[target.name]) {
      const IncludeRule* rule = RuleFor(folder + "/x");
      for (const std::string& link : target.links) {
        for (const std::string& other : folders[link]) {
          if (other == folder || MayLink(*rule, other)) continue;
          findings.Add(
              target.file, 1,
              target.name + " (" + folder + ") must not link " + link + " (" + other + ")");
        }
      }
    }
  }
  findings.RequireNone();
}

TEST_CASE("pure targets link Abseil and pure targets, nothing else") {
  const std::vector<CMakeTarget> targets = CMakeTargets(Tree());
  std::set<std::string> pure;
  for (const CMakeTarget& target : targets) {
    const bool all_pure = !target.sources.empty() &&
                          std::all_of(target.sources.begin(), target.sources.end(),
                                      [](const std::string& path) { return IsPure(path); });
    if (all_pure) pure.insert(target.name);
  }
  Findings findings;
  for (const CMakeTarget& target : targets) {
    if (!pure.contains(target.name) || IsUnder(target.file, "tests")) continue;
    for (const std::string& link : target.links) {
      if (link.starts_with("absl::") || pure.contains(link) || link == "cairn_flags") continue;
      const bool listed =
          std::any_of(PureLinks().begin(), PureLinks().end(), [&](const PureLink& allowed) {
            return allowed.target == target.name && allowed.link == link;
          });
      if (!listed) findings.Add(target.file, 1, target.name + " is pure and links " + link);
    }
  }
  findings.RequireNone();
}

}  // namespace
}  // namespace cairn::tidy
