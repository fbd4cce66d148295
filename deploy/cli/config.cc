#include "deploy/cli/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "deploy/cli/nearest.h"

namespace cairn {
namespace {

constexpr absl::string_view kPrefix = "CAIRN_";
constexpr size_t kNearEditsMax = 2;

// The name of an option in a file: its first long flag. Empty for what is not configuration.
std::string KeyOf(const CLI::Option& option) {
  if (!option.get_configurable() || option.get_lnames().empty()) return "";
  return option.get_lnames().front();
}

bool TakesList(const CLI::Option& option) { return option.get_expected_max() > 1; }

const CLI::Option* FindByKey(const CLI::App& app, const std::string& key) {
  for (const CLI::Option* option : app.get_options()) {
    if (KeyOf(*option) == key) return option;
  }
  return nullptr;
}

// One value of a YAML map as the strings a flag would have been given.
absl::StatusOr<std::vector<std::string>> ScalarsOf(const YAML::Node& value,
                                                   const CLI::Option& option) {
  std::vector<std::string> scalars;
  if (value.IsScalar()) {
    scalars.push_back(value.Scalar());
  } else if (value.IsSequence()) {
    if (!TakesList(option)) return absl::InvalidArgumentError("takes one value, not a list");
    for (const YAML::Node& item : value) {
      if (!item.IsScalar()) return absl::InvalidArgumentError("takes plain values");
      scalars.push_back(item.Scalar());
    }
  } else if (value.IsMap()) {
    return absl::InvalidArgumentError("takes a plain value, not a map");
  }
  const bool empty = std::any_of(scalars.begin(), scalars.end(),
                                 [](const std::string& scalar) { return scalar.empty(); });
  if (scalars.empty() || empty) {
    return absl::InvalidArgumentError("has no value; remove the line to get the default");
  }
  return scalars;
}

absl::StatusOr<std::vector<Setting>> SettingsFromMap(const CLI::App& app, const YAML::Node& map,
                                                     const std::string& file) {
  std::vector<Setting> settings;
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const std::string place = absl::StrCat(file, ":", entry.first.Mark().line + 1);
    const CLI::Option* option = FindByKey(app, key);
    if (option == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(place, ": unknown key '", key, "' for ",
                                                     CommandName(app),
                                                     DidYouMean(key, ConfigKeys(app))));
    }
    if (!seen.insert(key).second) {
      return absl::InvalidArgumentError(absl::StrCat(place, ": '", key, "' is given twice"));
    }
    absl::StatusOr<std::vector<std::string>> values = ScalarsOf(entry.second, *option);
    if (!values.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, ": '", key, "' ", values.status().message()));
    }
    settings.push_back({absl::StrCat("--", key), *std::move(values), place});
  }
  return settings;
}

std::string SourceOf(const CLI::Option& option, const std::vector<Setting>& settings) {
  const std::string flag = absl::StrCat("--", KeyOf(option));
  for (const Setting& setting : settings) {
    if (setting.flag == flag) return setting.source;
  }
  return option.count() > 0 ? "flag" : "default";
}

std::vector<std::string> ValuesOf(const CLI::Option& option) {
  if (option.count() > 0) return option.reduced_results();
  const std::string text = option.get_default_str();
  if (option.get_items_expected_max() == 0) return {text.empty() ? "false" : text};
  if (text.empty() || text == "[]" || text == "\"\"") return {};
  if (TakesList(option) && text.front() == '[') {  // as CLI11 prints a list
    return absl::StrSplit(text.substr(1, text.size() - 2), ',', absl::SkipEmpty());
  }
  return {text};
}

std::string YamlScalar(const std::string& value) {
  YAML::Emitter emitter;
  emitter << value;
  return emitter.c_str();
}

std::string PrintYaml(const CLI::App& app, const std::vector<Setting>& settings) {
  std::string text = absl::StrCat("# Effective configuration of ", CommandName(app),
                                  ": flag > environment > file > default.\n");
  for (const CLI::Option* option : app.get_options()) {
    const std::string key = KeyOf(*option);
    if (key.empty()) continue;
    const std::string source = SourceOf(*option, settings);
    const std::vector<std::string> values = ValuesOf(*option);
    std::string line;
    if (values.empty()) {
      line = absl::StrCat("# ", key, ":");
    } else if (IsSecret(*option)) {
      line = absl::StrCat("# ", key, ": (hidden)");
    } else if (TakesList(*option)) {
      YAML::Emitter emitter;
      emitter << YAML::Flow << values;
      line = absl::StrCat(key, ": ", emitter.c_str());
    } else {
      line = absl::StrCat(key, ": ", YamlScalar(values.front()));
    }
    line.resize(std::max<size_t>(line.size() + 2, 40), ' ');
    absl::StrAppend(&text, line, "# ", source, "\n");
  }
  return text;
}

std::string PrintJson(const CLI::App& app, const std::vector<Setting>& settings) {
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const CLI::Option* option : app.get_options()) {
    const std::string key = KeyOf(*option);
    if (key.empty()) continue;
    const std::vector<std::string> values = ValuesOf(*option);
    nlohmann::ordered_json value;
    if (IsSecret(*option)) {
      value = values.empty() ? nlohmann::ordered_json() : "(hidden)";
    } else if (TakesList(*option)) {
      value = values;
    } else if (!values.empty()) {
      value = values.front();
    }
    all[key] = {{"value", value}, {"source", SourceOf(*option, settings)}};
  }
  return all.dump(2) + "\n";
}

}  // namespace

void AddConfigFlags(CLI::App& app, ConfigFlags& flags) {
  app.add_option("--config", flags.file, "YAML file with any of these flags as keys")
      ->type_name("FILE")
      ->configurable(false)
      ->group("Configuration");
  app.add_flag("--print-config", flags.print,
               "print the configuration as it would be used, with where each value came from, and "
               "stop")
      ->configurable(false)
      ->group("Configuration");
}

std::string EnvironmentName(absl::string_view key) {
  return absl::StrCat(kPrefix,
                      absl::AsciiStrToUpper(absl::StrReplaceAll(key, {{"-", "_"}, {".", "_"}})));
}

std::vector<std::string> ConfigKeys(const CLI::App& app) {
  std::vector<std::string> keys;
  for (const CLI::Option* option : app.get_options()) {
    std::string key = KeyOf(*option);
    if (!key.empty()) keys.push_back(std::move(key));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

absl::StatusOr<std::vector<Setting>> SettingsFromYaml(const CLI::App& app, const std::string& text,
                                                      const std::string& file) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return std::vector<Setting>();  // nothing but comments
    if (!root.IsMap()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":1: expected keys and values, such as `port: 8000`"));
    }
    return SettingsFromMap(app, root, file);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.mark.line + 1, ": not valid YAML: ", error.msg));
  }
}

absl::StatusOr<std::vector<Setting>> SettingsFromEnvironment(
    const CLI::App& app, const Environment& environment,
    const std::vector<std::string>& keys_of_all_subcommands) {
  std::vector<std::string> known;
  for (const std::string& key : keys_of_all_subcommands) known.push_back(EnvironmentName(key));
  std::map<std::string, const CLI::Option*> ours;
  for (const CLI::Option* option : app.get_options()) {
    const std::string key = KeyOf(*option);
    if (!key.empty()) ours[EnvironmentName(key)] = option;
  }
  std::vector<Setting> settings;
  for (const auto& [name, value] : environment) {
    if (name.substr(0, kPrefix.size()) != kPrefix) continue;
    const auto found = ours.find(name);
    if (found == ours.end()) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::optional<std::string> nearest = Nearest(name, known);
      if (nearest && EditDistance(name, *nearest) <= kNearEditsMax) {
        return absl::InvalidArgumentError(
            absl::StrCat("unknown environment variable ", name, "; did you mean ", *nearest, "?"));
      }
      continue;
    }
    if (value.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " is set but empty; unset it or give it a value"));
    }
    std::vector<std::string> values = {value};
    if (TakesList(*found->second)) values = absl::StrSplit(value, ',', absl::SkipEmpty());
    settings.push_back({absl::StrCat("--", KeyOf(*found->second)), std::move(values), name});
  }
  return settings;
}

std::string PrintConfig(const CLI::App& app, const std::vector<Setting>& settings,
                        OutputFormat format) {
  return format == OutputFormat::kJson ? PrintJson(app, settings) : PrintYaml(app, settings);
}

}  // namespace cairn
