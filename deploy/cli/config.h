// Where the value of an option comes from: flag > environment > file > default. Every long flag of
// a subcommand, say --kv-budget, may also be the variable CAIRN_KV_BUDGET and the key `kv-budget`
// of the YAML file named by --config. Nothing here knows a particular option: the subcommand's own
// CLI11 options are the schema, so a new flag is a new key at once.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "deploy/cli/options.h"

namespace cairn {

using Environment = std::map<std::string, std::string>;

// One value that did not come from the command line, and who said it ("cairn.yaml:12",
// "CAIRN_PORT").
struct Setting {
  std::string flag;                 // "--port"
  std::vector<std::string> values;  // more than one only for a list
  std::string source;
};

// --config and --print-config, on every subcommand that has something to configure.
struct ConfigFlags {
  std::string file;
  bool print = false;
};
void AddConfigFlags(CLI::App& app, ConfigFlags& flags);

// "kv-budget" -> "CAIRN_KV_BUDGET"
std::string EnvironmentName(absl::string_view key);

// The names that a configuration file may use for this subcommand, sorted.
std::vector<std::string> ConfigKeys(const CLI::App& app);

// The settings of a YAML document: a map of flag names to scalars or lists of scalars. An unknown
// or repeated key, a nested map or an empty value is an error with `file` and line.
absl::StatusOr<std::vector<Setting>> SettingsFromYaml(const CLI::App& app, const std::string& text,
                                                      const std::string& file);

// The settings that the environment holds for this subcommand. A variable that starts with CAIRN_,
// is nobody's and looks like a misspelt one of ours is an error. Others are left alone: a container
// platform adds variables such as CAIRN_SERVICE_HOST by itself.
absl::StatusOr<std::vector<Setting>> SettingsFromEnvironment(
    const CLI::App& app, const Environment& environment,
    const std::vector<std::string>& keys_of_all_subcommands);

// The configuration as it will be used: YAML that --config reads back (each line says in a comment
// where it came from), or JSON. Secrets are named and not shown.
std::string PrintConfig(const CLI::App& app, const std::vector<Setting>& settings,
                        OutputFormat format);

}  // namespace cairn
