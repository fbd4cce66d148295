// Kinds of option that CLI11 does not know: sizes, durations, secrets, an output format. Every
// option of every subcommand may also come from a file or the environment (config.h), so that a
// subcommand only says what it takes:
//
//   auto* up = root.add_subcommand("up", "everything on one machine")->group("Serve");
//   up->add_option("--port", options->port, "HTTP port")->group("Network");
//   AddSize(*up, "--kv-budget", options->kv_budget_bytes, "memory for KV")->group("KV cache");
//   OnRun(*up, [options] { return RunUp(*options); });
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "deploy/cli/output_format.h"
#include "kvstore/base/time.h"

namespace cairn {

// `bytes` keeps its value as the default. Takes what ParseSize takes.
CLI::Option* AddSize(CLI::App& app, const std::string& flag, uint64_t& bytes,
                     const std::string& help);

// `duration` keeps its value as the default. Takes what ParseDuration takes.
CLI::Option* AddDuration(CLI::App& app, const std::string& flag, Duration& duration,
                         const std::string& help);

// Several of them, with commas between. Empty unless given.
CLI::Option* AddDurations(CLI::App& app, const std::string& flag, std::vector<Duration>& durations,
                          const std::string& help);

// --name and --no-name, with `on` as the default. In a file or the environment: true or false.
// (CLI11's own flags do not know their default, which --print-config has to print.)
CLI::Option* AddSwitch(CLI::App& app, const std::string& name, bool& on, const std::string& help);

// Marks an option whose value --print-config must not show.
CLI::Option* Secret(CLI::Option* option);
bool IsSecret(const CLI::Option& option);

// -o, --output text|json: on everything that prints.
CLI::Option* AddOutputFormat(CLI::App& app, OutputFormat& format);

// What the subcommand does once its configuration is complete. A status that is not OK is printed
// as "cairn SUBCOMMAND: message" and becomes exit code 1.
void OnRun(CLI::App& app, std::function<absl::Status()> body);

// Where the program was left with a message that is already printed: throw CLI::RuntimeError(code).
// Exit codes: 0 done; 1 it could not be done; 2 the command line or configuration is wrong.
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// "cairn model pull"
std::string CommandName(const CLI::App& app);

}  // namespace cairn
