#include "deploy/cli/command_line.h"

#include <algorithm>
#include <fstream>
#include <ostream>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "deploy/cli/nearest.h"

namespace cairn {
namespace {

constexpr int kHelpColumn = 36;
constexpr std::streamoff kConfigBytesMax = 1 << 20;

// CLI11 wants the arguments last first.
std::vector<std::string> Reversed(std::vector<std::string> args) {
  std::reverse(args.begin(), args.end());
  return args;
}

absl::StatusOr<std::string> ReadConfig(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read the configuration file ", file));
  std::string text(static_cast<size_t>(kConfigBytesMax) + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.gcount() > kConfigBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(file, " is over 1 MiB: not a configuration"));
  }
  if (in.bad()) return absl::NotFoundError(absl::StrCat("cannot read ", file, ": is it a folder?"));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

// `args` with the settings as flags right behind the subcommand's name.
std::vector<std::string> WithSettings(const std::vector<std::string>& args, size_t depth,
                                      const std::vector<Setting>& settings) {
  std::vector<std::string> all(args.begin(), args.begin() + static_cast<ptrdiff_t>(depth));
  for (const Setting& setting : settings) {
    for (const std::string& value : setting.values) {
      all.push_back(absl::StrCat(setting.flag, "=", value));
    }
  }
  all.insert(all.end(), args.begin() + static_cast<ptrdiff_t>(depth), args.end());
  return all;
}

// CLI11 names the option; whoever set it from elsewhere wants to know where.
std::string WithSource(std::string message, const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) {
    if (absl::StartsWith(message, setting.flag + ":") ||
        absl::StrContains(message, setting.flag + " ")) {
      return absl::StrCat(setting.source, ": ", message);
    }
  }
  return message;
}

// CLI11's own usage line starts at the subcommand's name.
std::string Help(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.help() : app.help(CommandName(*app.get_parent()));
}

std::string ShortHelp(const CLI::App& app) {
  return absl::StrCat("`", CommandName(app), " --help` shows what it takes");
}

}  // namespace

CommandLine::CommandLine(std::string description, std::string name)
    : root_(std::move(description), std::move(name)) {
  root_.get_formatter()->column_width(kHelpColumn);
  root_.get_formatter()->label("REQUIRED", "(required)");
  root_.option_defaults()->always_capture_default();
  root_.require_subcommand(0, 1);
}

void CommandLine::Prepare(CLI::App& app) {
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) Prepare(*sub);
  const bool leaf = app.get_subcommands([](CLI::App*) { return true; }).empty();
  if (!leaf || config_flags_.contains(&app) || ConfigKeys(app).empty()) return;
  AddConfigFlags(app, config_flags_[&app]);
}

CLI::App* CommandLine::Leaf() {
  CLI::App* leaf = &root_;
  while (!leaf->get_subcommands().empty()) leaf = leaf->get_subcommands().front();
  return leaf;
}

std::vector<std::string> CommandLine::AllKeys() const {
  std::set<std::string> keys = {"config"};
  for (const auto& [app, flags] : config_flags_) {
    for (std::string& key : ConfigKeys(*app)) keys.insert(std::move(key));
  }
  return {keys.begin(), keys.end()};
}

int CommandLine::Usage(std::ostream& err, const std::string& message) {
  err << CommandName(*Leaf()) << ": " << message << "\n" << ShortHelp(*Leaf()) << std::endl;
  return kExitUsage;
}

// What nobody took, and what was probably meant.
std::string CommandLine::Unexpected() {
  const std::vector<std::string> extra = root_.remaining(true);
  if (extra.empty()) return "";
  const CLI::App& leaf = *Leaf();
  const std::string typed = extra.front().substr(0, extra.front().find('='));
  std::vector<std::string> known;
  if (absl::StartsWith(typed, "-")) {
    for (const CLI::Option* option : leaf.get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
    return absl::StrCat("unknown flag '", typed, "'", DidYouMean(typed, known));
  }
  for (const CLI::App* sub : leaf.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(sub->get_name());
  }
  return absl::StrCat(known.empty() ? "unexpected argument '" : "unknown subcommand '", typed, "'",
                      DidYouMean(typed, known));
}

std::string CommandLine::Look(const std::vector<std::string>& args) {
  root_.look_only = true;
  try {
    root_.parse(Reversed(args));
  } catch (const Root::Stop&) {
    // Clean. Extra arguments would have thrown before.
  } catch (const CLI::ExtrasError&) {
    return Unexpected();
  } catch (const CLI::RequiredError&) {
    return Unexpected();  // a misspelt flag is why something seems missing
  } catch (const CLI::RequiresError&) {
    return Unexpected();
  }
  return "";
}

absl::StatusOr<std::vector<Setting>> CommandLine::Settings(CLI::App& leaf,
                                                           const Environment& environment) {
  std::set<std::string> taken;  // by somebody who comes first
  for (const CLI::Option* option : leaf.get_options()) {
    if (option->count() > 0 && !option->get_lnames().empty()) {
      taken.insert("--" + option->get_lnames().front());
    }
  }
  absl::StatusOr<std::vector<Setting>> from_environment =
      SettingsFromEnvironment(leaf, environment, AllKeys());
  if (!from_environment.ok()) return from_environment.status();
  std::string file = config_flags_[&leaf].file;
  if (const auto named = environment.find("CAIRN_CONFIG");
      file.empty() && named != environment.end())
    file = named->second;
  absl::StatusOr<std::vector<Setting>> from_file = std::vector<Setting>();
  if (!file.empty()) {
    const absl::StatusOr<std::string> text = ReadConfig(file);
    if (!text.ok()) return text.status();
    from_file = SettingsFromYaml(leaf, *text, file);
    if (!from_file.ok()) return from_file.status();
  }
  std::vector<Setting> settings;
  for (auto* layer : {&*from_environment, &*from_file}) {
    for (Setting& setting : *layer) {
      if (taken.insert(setting.flag).second) settings.push_back(std::move(setting));
    }
  }
  return settings;
}

int CommandLine::Run(const std::vector<std::string>& args, const Environment& environment,
                     std::ostream& out, std::ostream& err) {
  Prepare(root_);
  std::vector<Setting> settings;
  try {
    const std::string problem = Look(args);
    if (!problem.empty()) return Usage(err, problem);
    CLI::App* leaf = Leaf();
    if (!leaf->get_subcommands([](CLI::App*) { return true; }).empty()) {
      (args.empty() ? out : err) << Help(*leaf);
      return kExitUsage;
    }
    size_t depth = 0;
    for (const CLI::App* app = leaf; app->get_parent() != nullptr; app = app->get_parent()) ++depth;
    absl::StatusOr<std::vector<Setting>> found = Settings(*leaf, environment);
    if (!found.ok()) return Usage(err, std::string(found.status().message()));
    settings = *std::move(found);
    const bool print = config_flags_[leaf].print;
    root_.look_only = print;
    root_.parse(Reversed(WithSettings(args, depth, settings)));
  } catch (const Root::Stop&) {
    const CLI::App* leaf = Leaf();
    const CLI::Option* output = leaf->get_option_no_throw("--output");
    const bool json =
        output != nullptr && output->count() > 0 && output->as<std::string>() == "json";
    out << PrintConfig(*leaf, settings, json ? OutputFormat::kJson : OutputFormat::kText);
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();
  } catch (const CLI::CallForHelp&) {
    const std::string problem = Unexpected();  // help on something that does not exist
    if (!problem.empty()) return Usage(err, problem);
    out << Help(*Leaf());
  } catch (const CLI::CallForVersion& version) {
    out << version.what() << std::endl;
  } catch (const CLI::ParseError& error) {
    return Usage(err, WithSource(error.what(), settings));
  }
  return 0;
}

}  // namespace cairn
