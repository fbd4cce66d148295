#include "tests/tidy/source_tree.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <utility>

namespace cairn::tidy {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> SplitLines(const std::string& text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// Where the token that starts at `at` ends, if it is a comment or a literal.
std::optional<size_t> SkippedUntil(const std::string& text, size_t at) {
  const auto after = [&text](size_t found, size_t length) {
    return found == std::string::npos ? text.size() : found + length;
  };
  const std::string_view here = std::string_view(text).substr(at);
  if (here.starts_with("//")) return std::min(text.find('\n', at), text.size());
  if (here.starts_with("/*")) return after(text.find("*/", at + 2), 2);
  if (here.starts_with("R\"")) {
    const size_t open = text.find('(', at);
    if (open == std::string::npos) return text.size();
    const std::string close = ")" + text.substr(at + 2, open - at - 2) + "\"";
    return after(text.find(close, open), close.size());
  }
  const char quote = text[at];
  const bool digit_separator = quote == '\'' && at > 0 && isxdigit(text[at - 1]) != 0;
  if ((quote != '"' && quote != '\'') || digit_separator) return {};
  size_t end = at + 1;
  while (end < text.size() && text[end] != quote && text[end] != '\n') {
    end += text[end] == '\\' ? 2 : 1;
  }
  return std::min(end + 1, text.size());
}

std::string Blanked(const std::string& text) {
  std::string code = text;
  size_t at = 0;
  while (at < text.size()) {
    const std::optional<size_t> end = SkippedUntil(text, at);
    if (!end) {
      ++at;
      continue;
    }
    for (; at < *end; ++at) {
      if (code[at] != '\n') code[at] = ' ';
    }
  }
  return code;
}

bool IsText(std::string_view path) {
  static constexpr std::array<std::string_view, 15> kEndings = {
      ".h",  ".inc",  ".cc",   ".md",    ".txt", ".cmake",      ".in",          ".py",
      ".sh", ".yaml", ".json", ".proto", ".cu",  ".clang-tidy", ".clang-format"};
  if (std::any_of(kEndings.begin(), kEndings.end(),
                  [path](std::string_view ending) { return path.ends_with(ending); })) {
    return true;
  }
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name == "run" || name == "dev" || name == "quickstart";
}

bool IsLeftOut(const std::string& name) {
  return name == ".git" || name == "build" || name == "models" || name == "__pycache__" ||
         name == ".cache" || name == "corpus";
}

enum class Scope : uint8_t { kContainer, kFunction, kOther };

// What a brace opens, told from the text between it and the end of the statement before.
Scope ScopeOf(const std::string& head) {
  static const std::regex kContainer(R"(\b(namespace|class|struct|union|enum|extern)\b)");
  const size_t parenthesis = head.find('(');
  std::smatch found;
  if (std::regex_search(head, found, kContainer) &&
      (parenthesis == std::string::npos || static_cast<size_t>(found.position(0)) < parenthesis)) {
    const bool returns_struct = parenthesis != std::string::npos && found.str(0) != "namespace" &&
                                head.find(')') != std::string::npos;
    return returns_struct ? Scope::kFunction : Scope::kContainer;
  }
  if (head.find(')') == std::string::npos) return Scope::kOther;
  const size_t equals = head.find('=');
  if (equals != std::string::npos && equals < parenthesis && head.find("operator") > equals) {
    return Scope::kOther;  // an initialiser
  }
  return Scope::kFunction;
}

std::string NameOf(const std::string& head) {
  size_t end = std::min(head.find('('), head.size());
  while (end > 0 && head[end - 1] == ' ') --end;
  size_t begin = end;
  while (begin > 0 && (isalnum(head[begin - 1]) != 0 || head[begin - 1] == '_' ||
                       head[begin - 1] == ':' || head[begin - 1] == '~')) {
    --begin;
  }
  return head.substr(begin, end - begin);
}

}  // namespace

bool IsCpp(std::string_view path) {
  return path.ends_with(".h") || path.ends_with(".cc") || path.ends_with(".inc");
}

bool IsHeader(std::string_view path) { return path.ends_with(".h"); }

bool IsUnder(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

SourceFile MakeSourceFile(std::string path, std::string text) {
  SourceFile file;
  file.path = std::move(path);
  file.lines = SplitLines(text);
  file.code = IsCpp(file.path) ? SplitLines(Blanked(text)) : file.lines;
  file.text = std::move(text);
  return file;
}

std::vector<SourceFile> ReadSourceTree(const fs::path& root) {
  std::vector<SourceFile> files;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    if (it->is_directory() && IsLeftOut(it->path().filename().string())) {
      it.disable_recursion_pending();
      continue;
    }
    const std::string path = fs::relative(it->path(), root).generic_string();
    if (!it->is_regular_file() || !IsText(path)) continue;
    std::ifstream in(it->path(), std::ios::binary);
    files.push_back(MakeSourceFile(path, {std::istreambuf_iterator<char>(in), {}}));
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::vector<Include> IncludesOf(const SourceFile& file) {
  std::vector<Include> includes;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    if (!line.starts_with("#include ") || !file.code[i].starts_with("#include")) continue;
    const size_t open = line.find_first_of("\"<");
    if (open == std::string::npos) continue;
    const size_t close = line.find_first_of("\">", open + 1);
    if (close == std::string::npos) continue;
    includes.push_back(
        {static_cast<int>(i) + 1, line.substr(open + 1, close - open - 1), line[open] == '"'});
  }
  return includes;
}

std::vector<Function> FunctionsOf(const SourceFile& file) {
  std::vector<Function> functions;
  std::vector<Scope> scopes;
  std::string head;
  size_t function_depth = 0;  // of the outermost function we are in; 0: in none
  for (size_t i = 0; i < file.code.size(); ++i) {
    if (file.code[i].starts_with("#")) continue;
    for (const char c : file.code[i]) {
      if (c == '{') {
        const Scope scope = ScopeOf(head);
        scopes.push_back(scope);
        if (scope == Scope::kFunction && function_depth == 0) {
          function_depth = scopes.size();
          functions.push_back({NameOf(head), static_cast<int>(i) + 1, 0});
        }
        head.clear();
      } else if (c == '}') {
        if (function_depth != 0 && scopes.size() == function_depth) {
          functions.back().lines = static_cast<int>(i) + 2 - functions.back().first_line;
          function_depth = 0;
        }
        if (!scopes.empty()) scopes.pop_back();
        head.clear();
      } else if (c == ';') {
        head.clear();
      } else {
        head += c;
      }
    }
    head += ' ';
  }
  return functions;
}

}  // namespace cairn::tidy
