// The repository as text: which files there are, and each with comments and strings blanked out, so
// that a rule about code does not trip over prose.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::tidy {

struct SourceFile {
  std::string path;  // from the repository's root, with '/'
  std::string text;
  std::vector<std::string> lines;
  // Same lines and columns; characters of comments and of string and character literals are spaces.
  std::vector<std::string> code;
};

struct Include {
  int line = 0;      // from 1
  std::string path;  // as written between the quotes or brackets
  bool quoted = false;
};

struct Function {
  std::string name;
  int first_line = 0;  // of the signature's last line before the brace, from 1
  int lines = 0;       // to the closing brace
};

bool IsCpp(std::string_view path);
bool IsHeader(std::string_view path);

// "kvstore/base/ids.h" is in "kvstore/base" and in "kvstore", not in "kvstore/ba".
bool IsUnder(std::string_view path, std::string_view folder);

// Every source, script and text file, in order of path; build folders, models and .git are left
// out.
std::vector<SourceFile> ReadSourceTree(const std::filesystem::path& root);
SourceFile MakeSourceFile(std::string path, std::string text);

std::vector<Include> IncludesOf(const SourceFile& file);

// Outermost function bodies (a lambda belongs to the function around it). Found by braces, not by a
// compiler: good enough for code that the formatter has been over.
std::vector<Function> FunctionsOf(const SourceFile& file);

}  // namespace cairn::tidy
