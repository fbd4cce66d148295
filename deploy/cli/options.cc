#include "deploy/cli/options.h"

#include <iostream>
#include <map>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "deploy/cli/units.h"

namespace cairn {
namespace {

constexpr char kSecretType[] = "SECRET";

// CLI11 reports a failed conversion by the option's name alone; throwing from the conversion keeps
// the reason.
template <typename Value>
CLI::Option* AddParsed(CLI::App& app, const std::string& flag, Value& value,
                       absl::StatusOr<Value> (*parse)(absl::string_view), const std::string& shown,
                       const std::string& type, const std::string& help) {
  CLI::Option* option = app.add_option_function<std::string>(
      flag,
      [&value, parse, flag](const std::string& text) {
        absl::StatusOr<Value> parsed = parse(text);
        if (!parsed.ok()) {
          throw CLI::ConversionError(absl::StrCat(flag, ": ", parsed.status().message()));
        }
        value = *parsed;
      },
      help);
  return option->type_name(type)->default_str(shown);
}

}  // namespace

CLI::Option* AddSize(CLI::App& app, const std::string& flag, uint64_t& bytes,
                     const std::string& help) {
  return AddParsed<uint64_t>(app, flag, bytes, &ParseSize, FormatSize(bytes), "SIZE", help);
}

CLI::Option* AddDuration(CLI::App& app, const std::string& flag, Duration& duration,
                         const std::string& help) {
  return AddParsed<Duration>(app, flag, duration, &ParseDuration, FormatDuration(duration), "TIME",
                             help);
}

CLI::Option* AddDurations(CLI::App& app, const std::string& flag, std::vector<Duration>& durations,
                          const std::string& help) {
  CLI::Option* option = app.add_option_function<std::string>(
      flag,
      [&durations, flag](const std::string& text) {
        durations.clear();
        for (const absl::string_view one : absl::StrSplit(text, ',')) {
          const absl::StatusOr<Duration> parsed = ParseDuration(one);
          if (!parsed.ok()) {
            throw CLI::ConversionError(absl::StrCat(flag, ": ", parsed.status().message()));
          }
          durations.push_back(*parsed);
        }
      },
      help);
  return option->type_name("TIME,...")->default_str("");
}

CLI::Option* AddSwitch(CLI::App& app, const std::string& name, bool& on, const std::string& help) {
  return app.add_flag(absl::StrCat("--", name, ",!--no-", name), on, help)
      ->default_str(on ? "true" : "false");
}

CLI::Option* Secret(CLI::Option* option) { return option->type_name(kSecretType); }
bool IsSecret(const CLI::Option& option) { return option.get_type_name() == kSecretType; }

CLI::Option* AddOutputFormat(CLI::App& app, OutputFormat& format) {
  static const std::map<std::string, OutputFormat> kFormats = {{"text", OutputFormat::kText},
                                                               {"json", OutputFormat::kJson}};
  return app
      .add_option_function<std::string>(
          "-o,--output", [&format](const std::string& name) { format = kFormats.at(name); },
          "output format: text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT")
      ->default_str(format == OutputFormat::kText ? "text" : "json");
}

void OnRun(CLI::App& app, std::function<absl::Status()> body) {
  app.callback([&app, body = std::move(body)] {
    const absl::Status status = body();
    if (status.ok()) return;
    std::cerr << CommandName(app) << ": " << status.message() << std::endl;
    throw CLI::RuntimeError(kExitFailed);
  });
}

std::string CommandName(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr) return app.get_name();
  return absl::StrCat(CommandName(*parent), " ", app.get_name());
}

}  // namespace cairn
