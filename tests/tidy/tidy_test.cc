// The style rules as tests: what pure code may not name, how long things get, what a page looks
// like. Data is in include_rules.h; each failure says file, line, rule and remedy.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "tests/tidy/findings.h"
#include "tests/tidy/include_rules.h"
#include "tests/tidy/source_tree.h"

namespace cairn::tidy {
namespace {

TEST_CASE("pure folders and loops name no clock, thread, randomness, environment or console") {
  std::vector<std::pair<std::regex, const BannedWord*>> words;
  for (const BannedWord& word : BannedWords()) {
    words.emplace_back(std::string(word.pattern), &word);
  }
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path) || !IsPure(file.path)) continue;
    if (IsUnder(file.path, "tests") || IsListed(BannedWordExceptions(), file.path)) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      const bool directive = file.lines[i].starts_with("#include");
      const std::string& line = directive ? file.lines[i] : file.code[i];
      for (const auto& [pattern, word] : words) {
        std::smatch found;
        if (!std::regex_search(line, found, pattern)) continue;
        findings.Add(file.path, static_cast<int>(i) + 1,
                     "'" + found.str(0) + "' in pure code; instead: " + std::string(word->instead));
      }
    }
  }
  findings.RequireNone();
}

TEST_CASE("threads and locks appear only in the listed adapters") {
  static const std::regex kThreads(
      R"(#include (<(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier)>|"absl/synchronization/|"kvstore/shell/mutex.h"))");
  Findings findings;
  std::set<std::string_view> used;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path) || IsUnder(file.path, "tests")) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      if (!std::regex_search(file.lines[i], kThreads)) continue;
      used.insert(file.path);
      if (!IsListed(ThreadFiles(), file.path)) {
        findings.Add(file.path, static_cast<int>(i) + 1,
                     "not in ThreadFiles(): keep threads in few adapters");
      }
    }
  }
  for (const Exception& listed : ThreadFiles()) {
    if (!used.contains(listed.path)) {
      findings.Add("tests/tidy/include_rules.h", 1,
                   std::string(listed.path) + " needs no place in ThreadFiles() any more");
    }
  }
  findings.RequireNone();
}

TEST_CASE("a file says one noun in at most 400 lines, or is listed with its reason") {
  Findings findings;
  std::map<std::string_view, size_t> lengths;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path)) continue;
    lengths[file.path] = file.lines.size();
    if (file.lines.size() > kFileLinesMax && !IsListed(LongFiles(), file.path)) {
      findings.Add(file.path, kFileLinesMax + 1,
                   std::to_string(file.lines.size()) + " lines: which second noun is in here?");
    }
  }
  for (const Exception& listed : LongFiles()) {
    if (lengths[listed.path] <= kFileLinesMax) {
      findings.Add("tests/tidy/include_rules.h", 1,
                   std::string(listed.path) + " needs no place in LongFiles() any more");
    }
  }
  findings.RequireNone();
}

TEST_CASE("functions fit a screen; those that do not may only shrink") {
  Findings findings;
  std::map<std::string_view, int> longest;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path)) continue;
    const auto listed =
        std::find_if(LongFunctions().begin(), LongFunctions().end(),
                     [&file](const LongFunction& f) { return f.path == file.path; });
    const bool is_listed = listed != LongFunctions().end();
    for (const Function& function : FunctionsOf(file)) {
      longest[file.path] = std::max(longest[file.path], function.lines);
      if (function.lines <= (is_listed ? listed->lines_max : kFunctionLinesMax)) continue;
      findings.Add(file.path, function.first_line,
                   function.name + " has " + std::to_string(function.lines) + " lines");
    }
  }
  for (const LongFunction& listed : LongFunctions()) {
    if (longest[listed.path] < listed.lines_max) {
      findings.Add("tests/tidy/include_rules.h", 1,
                   std::string(listed.path) + " shrank to " + std::to_string(longest[listed.path]) +
                       " lines: lower its ratchet");
    }
  }
  findings.RequireNone();
}

// Columns as a reader sees them: code points, not bytes.
size_t Columns(const std::string& line) {
  return static_cast<size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

TEST_CASE("no line of code is over 100 columns") {
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path)) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      // A string or an include cannot always be broken; code can.
      if (Columns(line) <= kLineColumnsMax || line.starts_with("#include")) continue;
      if (line.find("R\"") != std::string::npos ||
          file.code[i].find_first_not_of(' ') == std::string::npos) {
        if (line.find("//") == std::string::npos) continue;
      }
      findings.Add(file.path, static_cast<int>(i) + 1,
                   std::to_string(Columns(line)) + " columns; clang-format breaks it");
    }
  }
  findings.RequireNone();
}

TEST_CASE("whatever is left to do has an owner") {
  static const std::regex kOwnerless(R"(\b(TODO\b(?!\([a-z])|FIXME\b|XXX\b))");
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path)) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      if (!IsUnder(file.path, "tests/tidy") && std::regex_search(file.lines[i], kOwnerless)) {
        findings.Add(file.path, static_cast<int>(i) + 1,
                     "say who: TO"
                     "DO(name): what");
      }
    }
  }
  findings.RequireNone();
}

TEST_CASE("tests do not sleep") {
  static const std::regex kSleep(R"(\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor)\b)");
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path) || !IsUnder(file.path, "tests")) continue;
    if (IsUnder(file.path, "tests/tidy")) continue;  // names them to forbid them
    for (size_t i = 0; i < file.code.size(); ++i) {
      if (std::regex_search(file.code[i], kSleep)) {
        findings.Add(file.path, static_cast<int>(i) + 1, "wait for an event, or move a fake clock");
      }
    }
  }
  findings.RequireNone();
}

TEST_CASE("every header guards itself, says what it is, and is included by somebody") {
  std::set<std::string> included;
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path)) continue;
    for (const Include& include : IncludesOf(file)) {
      if (include.path != file.path) included.insert(include.path);
    }
  }
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!IsHeader(file.path)) continue;
    const auto& lines = file.lines;
    const bool fragment = file.path.starts_with("kernels/lanes_");  // included once, in a namespace
    if (!fragment && std::find(lines.begin(), lines.end(), "#pragma once") == lines.end()) {
      findings.Add(file.path, 1, "no #pragma once");
    }
    if (lines.empty() || !lines.front().starts_with("//")) {
      findings.Add(file.path, 1, "starts without a comment that says what it is");
    }
    if (!included.contains(file.path) && !IsListed(UnincludedHeaders(), file.path)) {
      findings.Add(file.path, 1, "nothing includes this header");
    }
  }
  findings.RequireNone();
}

// With this, compiling x.cc proves that x.h compiles alone. Headers without a .cc are compiled
// alone by tests/tidy/CMakeLists.txt.
TEST_CASE("every source file includes its own header first") {
  std::set<std::string> paths;
  for (const SourceFile& file : Tree()) paths.insert(file.path);
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!file.path.ends_with(".cc")) continue;
    const std::string header = file.path.substr(0, file.path.size() - 2) + "h";
    if (!paths.contains(header)) continue;
    const std::vector<Include> includes = IncludesOf(file);
    if (includes.empty() || includes.front().path != header) {
      findings.Add(file.path, 1, "its first include is not " + header);
    }
  }
  findings.RequireNone();
}

TEST_CASE("every markdown page has exactly one title") {
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!file.path.ends_with(".md")) continue;
    int titles = 0;
    bool fenced = false;
    for (const std::string& line : file.lines) {
      if (line.starts_with("```")) fenced = !fenced;
      if (!fenced && line.starts_with("# ")) ++titles;
    }
    if (titles != 1) findings.Add(file.path, 1, std::to_string(titles) + " titles");
    if (fenced) findings.Add(file.path, 1, "a code fence is never closed");
  }
  findings.RequireNone();
}

TEST_CASE("links between pages lead somewhere") {
  static const std::regex kLink(R"(\]\(([^)#: ]+)(#[^)]*)?\))");
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!file.path.ends_with(".md")) continue;
    const auto folder = std::filesystem::path(CAIRN_SOURCE_DIR) / file.path;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      for (std::sregex_iterator it(line.begin(), line.end(), kLink), end; it != end; ++it) {
        if (!std::filesystem::exists(folder.parent_path() / (*it)[1].str())) {
          findings.Add(file.path, static_cast<int>(i) + 1, "there is no " + (*it)[1].str());
        }
      }
    }
  }
  findings.RequireNone();
}

TEST_CASE("no path of one developer's machine and no package index's name is in the tree") {
  // Written in halves, so that this file may stand in the tree itself.
  const std::vector<std::string> banned = {
      "/wo"
      "rk/",
      "/ro"
      "ot/",
      "/Us"
      "ers/",
      "py"
      "pi.org",
      "pythonho"
      "sted",
      "deb.deb"
      "ian.org"};
  Findings findings;
  for (const SourceFile& file : Tree()) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      for (const std::string& word : banned) {
        if (file.lines[i].find(word) == std::string::npos) continue;
        findings.Add(file.path, static_cast<int>(i) + 1, "names " + word);
      }
    }
  }
  findings.RequireNone();
}

TEST_CASE("every test stands where its subject stands") {
  std::set<std::string> stems;  // "kvstore/block_key"
  for (const SourceFile& file : Tree()) {
    if (!IsCpp(file.path) || IsUnder(file.path, "tests")) continue;
    const std::string top = file.path.substr(0, file.path.find('/'));
    stems.insert(top + "/" + std::filesystem::path(file.path).stem().string());
  }
  Findings findings;
  for (const SourceFile& file : Tree()) {
    if (!file.path.ends_with("_test.cc") || !IsUnder(file.path, "tests")) continue;
    const std::filesystem::path path(file.path.substr(6));
    const std::string top = path.begin()->string();
    const std::string stem = path.stem().string();
    const bool mirrors =
        std::find(kTopFolders.begin(), kTopFolders.end(), top) != kTopFolders.end();
    if (!mirrors || stems.contains(top + "/" + stem.substr(0, stem.size() - 5))) continue;
    if (IsListed(TestsWithoutMirror(), file.path)) continue;
    findings.Add(file.path, 1, "no noun of this name in " + top + "/");
  }
  findings.RequireNone();
}

}  // namespace
}  // namespace cairn::tidy
