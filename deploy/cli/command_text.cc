#include "deploy/cli/command_text.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "deploy/cli/options.h"

namespace cairn {
namespace {

std::string Quoted(const std::string& word) {
  constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,@%+=";
  if (!word.empty() && word.find_first_not_of(kSafe) == std::string::npos) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

}  // namespace

std::string CommandText(const CLI::App& app) {
  std::string files, flags;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0) continue;
    if (option->get_positional() && option->get_lnames().empty()) {
      for (const std::string& word : option->results()) absl::StrAppend(&files, " ", Quoted(word));
      continue;
    }
    const std::string& name = option->get_lnames().front();
    if (name == "config" || name == "print-config" || IsSecret(*option)) continue;
    const std::string value = absl::StrJoin(option->results(), ",");
    if (option->get_items_expected_max() > 0 && option->get_type_size() > 0) {
      absl::StrAppend(&flags, " --", name, " ", Quoted(value));
    } else {
      absl::StrAppend(&flags, value == "false" ? " --no-" : " --", name);
    }
  }
  return absl::StrCat(CommandName(app), files, flags);
}

}  // namespace cairn
