#include "tests/tidy/cmake_edges.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace cairn::tidy {
namespace {

struct Command {
  std::string name;
  std::vector<std::string> arguments;
};

// CMake's commands with unquoted arguments; comments are dropped.
std::vector<Command> CommandsOf(const SourceFile& file) {
  std::string text;
  for (const std::string& line : file.lines) text += line.substr(0, line.find('#')) + "\n";
  std::vector<Command> commands;
  size_t at = 0;
  while (true) {
    const size_t open = text.find('(', at);
    if (open == std::string::npos) return commands;
    const size_t close = std::min(text.find(')', open), text.size());
    std::istringstream before(text.substr(at, open - at));
    Command command;
    for (std::string word; before >> word;) command.name = word;
    std::istringstream inside(text.substr(open + 1, close - open - 1));
    for (std::string word; inside >> word;) command.arguments.push_back(word);
    commands.push_back(std::move(command));
    at = std::min(close + 1, text.size());
  }
}

bool IsKeyword(const std::string& word) {
  return word == "SOURCES" || word == "DEPS" || word == "LABELS" || word == "TIMEOUT" ||
         word == "PUBLIC" || word == "PRIVATE" || word == "INTERFACE";
}

void AddArguments(const Command& command, const std::string& folder, CMakeTarget& target) {
  std::string mode = command.name == "target_link_libraries" ? "DEPS" : "SOURCES";
  for (size_t i = 1; i < command.arguments.size(); ++i) {
    const std::string& word = command.arguments[i];
    if (IsKeyword(word)) {
      if (command.name != "target_link_libraries") mode = word;
    } else if (mode == "DEPS") {
      target.links.push_back(word);
    } else if (mode == "SOURCES" && word.find('$') == std::string::npos &&
               word.find('.') != std::string::npos) {
      const std::string path = (std::filesystem::path(folder) / word).lexically_normal();
      target.sources.push_back(path);
    }
  }
}

}  // namespace

std::vector<CMakeTarget> CMakeTargets(const std::vector<SourceFile>& tree) {
  std::vector<CMakeTarget> targets;
  for (const SourceFile& file : tree) {
    if (!file.path.ends_with("CMakeLists.txt")) continue;
    const std::string folder = std::filesystem::path(file.path).parent_path().generic_string();
    for (const Command& command : CommandsOf(file)) {
      if (command.arguments.empty()) continue;
      const std::string& name = command.arguments.front();
      if (command.name == "cairn_library" || command.name == "cairn_test" ||
          command.name == "add_executable" || command.name == "add_library") {
        targets.push_back({name, file.path, {}, {}});
        AddArguments(command, folder, targets.back());
      } else if (command.name == "target_link_libraries") {
        for (CMakeTarget& target : targets) {
          if (target.name == name) AddArguments(command, folder, target);
        }
      }
    }
  }
  return targets;
}

}  // namespace cairn::tidy
