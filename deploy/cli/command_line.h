// From argv to a configured subcommand. Parsing happens twice: the first look only finds which
// subcommand is meant and which flags were given; then what file and environment add is put behind
// the subcommand's name as flags, and the second look validates the whole, requirements included,
// as if all of it had been typed. Only then does the subcommand run.
#pragma once

#include <CLI/CLI.hpp>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/cli/config.h"

namespace cairn {

class CommandLine {
 public:
  CommandLine(std::string description, std::string name);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Subcommands are added here; they may use ->group(), ->footer(), ->callback() or OnRun().
  CLI::App& root() { return root_; }

  // `args` without the program's name. Returns the process's exit code: the subcommand's, or
  // kExitUsage after saying on `err` what is wrong and what was probably meant.
  int Run(const std::vector<std::string>& args, const Environment& environment, std::ostream& out,
          std::ostream& err);

 private:
  // Stops before callbacks run, once asked to.
  class Root : public CLI::App {
   public:
    using CLI::App::App;
    struct Stop {};
    void pre_callback() override {
      if (look_only) throw Stop{};
    }
    bool look_only = false;
  };

  void Prepare(CLI::App& app);
  CLI::App* Leaf();
  std::vector<std::string> AllKeys() const;
  // Null when the look was clean or only misses what file and environment may still bring.
  std::string Look(const std::vector<std::string>& args);
  absl::StatusOr<std::vector<Setting>> Settings(CLI::App& leaf, const Environment& environment);
  std::string Unexpected();
  int Usage(std::ostream& err, const std::string& message);

  Root root_;
  std::map<const CLI::App*, ConfigFlags> config_flags_;
};

}  // namespace cairn
