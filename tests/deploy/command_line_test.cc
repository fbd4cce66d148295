// The whole way from arguments, environment and file to a subcommand that runs.
#include "deploy/cli/command_line.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "deploy/cli/options.h"

namespace cairn {
namespace {

// A command line with one subcommand of every kind of option, and what it was run with.
class Program {
 public:
  Program() : line_("test", "cairn") {
    CLI::App* up = line_.root().add_subcommand("up", "serve");
    up->add_option("-m,--model", model, "model")->required();
    up->add_option("--port", port, "port")->check(CLI::Range(1, 65535));
    AddSize(*up, "--kv-budget", kv_budget, "memory");
    AddDuration(*up, "--drain-timeout", drain, "drain");
    AddSwitch(*up, "reflection", reflection, "reflect");
    up->add_option("--stop", stop, "stop strings");
    Secret(up->add_option("--api-key", api_keys, "keys"));
    AddOutputFormat(*up, format);
    OnRun(*up, [this] {
      ++runs;
      return result;
    });
    line_.root().add_subcommand("chat", "talk")->callback([this] { ++chats; });
  }

  int Run(const std::vector<std::string>& args, const Environment& environment = {}) {
    out.str("");
    err.str("");
    return line_.Run(args, environment, out, err);
  }
  bool Said(const std::string& words) const {
    return (out.str() + err.str()).find(words) != std::string::npos;
  }

  std::string model;
  int port = 8000;
  uint64_t kv_budget = 1 << 30;
  Duration drain = Seconds(30);
  bool reflection = true;
  std::vector<std::string> stop;
  std::vector<std::string> api_keys;
  OutputFormat format = OutputFormat::kText;
  absl::Status result;
  int runs = 0;
  int chats = 0;
  std::ostringstream out, err;

 private:
  CommandLine line_;
};

class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("cairn_command_line_test." + std::to_string(getpid()) + ".yaml")) {
    std::ofstream(path_) << text;
  }
  ~ConfigFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST_CASE(
    "a flag wins over the environment, the environment over the file, the file over defaults") {
  const ConfigFile file("model: from-file\nport: 1111\nkv-budget: 2GiB\n");
  Program program;
  REQUIRE(program.Run({"up", "--config", file.path(), "--port", "3333"},
                      {{"CAIRN_PORT", "2222"}, {"CAIRN_KV_BUDGET", "4GiB"}}) == 0);
  CHECK(program.runs == 1);
  CHECK(program.port == 3333);
  CHECK(program.kv_budget == uint64_t{4} << 30);
  CHECK(program.model == "from-file");
  CHECK(program.drain == Seconds(30));
}

TEST_CASE("a required flag may come from the environment or the file") {
  Program program;
  CHECK(program.Run({"up"}) == kExitUsage);
  CHECK(program.Said("--model"));
  CHECK(program.Run({"up"}, {{"CAIRN_MODEL", "m"}}) == 0);
  CHECK(program.model == "m");
}

TEST_CASE("the short name of a flag counts as the flag") {
  Program program;
  REQUIRE(program.Run({"up", "-m", "typed"}, {{"CAIRN_MODEL", "variable"}}) == 0);
  CHECK(program.model == "typed");
}

TEST_CASE("lists come from repeated flags, commas in the environment and sequences in the file") {
  const ConfigFile file("model: m\nstop: [\"a, b\", c]\n");
  Program program;
  REQUIRE(program.Run({"up", "--config", file.path()}, {{"CAIRN_API_KEY", "k1,k2"}}) == 0);
  CHECK(program.stop == std::vector<std::string>{"a, b", "c"});
  CHECK(program.api_keys == std::vector<std::string>{"k1", "k2"});
  REQUIRE(program.Run({"up", "-m", "m", "--stop", "x", "--config", file.path()}) == 0);
  CHECK(program.stop == std::vector<std::string>{"x"});
}

TEST_CASE("switches are true or false wherever they come from") {
  Program program;
  REQUIRE(program.Run({"up", "-m", "m"}, {{"CAIRN_REFLECTION", "false"}}) == 0);
  CHECK_FALSE(program.reflection);
  CHECK(program.Run({"up", "-m", "m"}, {{"CAIRN_REFLECTION", "perhaps"}}) == kExitUsage);
}

TEST_CASE("an unknown key in the file is an error with file, line and the nearest key") {
  const ConfigFile file("# a comment\nmodel: m\nkv-bugdet: 1GiB\n");
  Program program;
  CHECK(program.Run({"up", "--config", file.path()}) == kExitUsage);
  CHECK(program.Said(file.path() + ":3: unknown key 'kv-bugdet'"));
  CHECK(program.Said("did you mean 'kv-budget'?"));
  CHECK(program.runs == 0);
}

TEST_CASE("a file that says something twice, nothing, or nonsense is refused with its line") {
  struct Case {
    const char* text;
    const char* says;
  };
  for (const Case& c :
       {Case{"port: 1\nport: 2\n", ":2: 'port' is given twice"},
        Case{"port:\n", ":1: 'port' has no value"},
        Case{"model: m\nport: {a: 1}\n", ":2: 'port' takes a plain value"},
        Case{"port: [1, 2]\n", ":1: 'port' takes one value"},
        Case{"- a\n- b\n", ":1: expected keys and values"},
        Case{"model: m\nport: [1\n", "not valid YAML"},
        Case{"config: x\n", ":1: unknown key 'config'"},
        Case{"model: m\nport: 99999\n", ":2: --port"},
        Case{"model: m\nkv-budget: 64G\n", ":2: --kv-budget: '64G' is not a size"}}) {
    CAPTURE(c.text);
    const ConfigFile file(c.text);
    Program program;
    CHECK(program.Run({"up", "--config", file.path()}) == kExitUsage);
    CHECK(program.Said(file.path() + (c.says[0] == ':' ? c.says : "")));
    CHECK(program.Said(c.says));
  }
}

TEST_CASE("a file that is not there, or a folder, is named") {
  Program program;
  CHECK(program.Run({"up", "-m", "m", "--config", "/nowhere/cairn.yaml"}) == kExitUsage);
  CHECK(program.Said("/nowhere/cairn.yaml"));
  CHECK(program.Run({"up", "-m", "m", "--config", "/"}) == kExitUsage);
}

TEST_CASE("CAIRN_CONFIG names the file when no flag does") {
  const ConfigFile file("model: m\nport: 1234\n");
  Program program;
  REQUIRE(program.Run({"up"}, {{"CAIRN_CONFIG", file.path()}}) == 0);
  CHECK(program.port == 1234);
}

TEST_CASE("a misspelt variable is an error, a stranger's variable is not ours to judge") {
  Program program;
  CHECK(program.Run({"up", "-m", "m"}, {{"CAIRN_KV_BUGDET", "1GiB"}}) == kExitUsage);
  CHECK(program.Said("did you mean CAIRN_KV_BUDGET?"));
  CHECK(program.Run({"up", "-m", "m"}, {{"CAIRN_SERVICE_HOST", "10.0.0.1"}}) == 0);
  CHECK(program.Run({"up", "-m", "m"}, {{"CAIRN_PORT", ""}}) == kExitUsage);
  CHECK(program.Said("CAIRN_PORT is set but empty"));
}

TEST_CASE("a bad value from the environment is blamed on the variable") {
  Program program;
  CHECK(program.Run({"up", "-m", "m"}, {{"CAIRN_PORT", "tcp://10.0.0.1:80"}}) == kExitUsage);
  CHECK(program.Said("CAIRN_PORT: "));
}

TEST_CASE("misspelt subcommands and flags name the nearest") {
  Program program;
  CHECK(program.Run({"upp", "-m", "m"}) == kExitUsage);
  CHECK(program.Said("unknown subcommand 'upp'; did you mean 'up'?"));
  CHECK(program.Run({"up", "--modle=m"}) == kExitUsage);
  CHECK(program.Said("unknown flag '--modle'; did you mean '--model'?"));
  CHECK(program.Run({"up", "-m", "m", "--prot", "1"}) == kExitUsage);
  CHECK(program.Said("did you mean '--port'?"));
  CHECK(program.Run({"up", "-m", "m", "stray"}) == kExitUsage);
  CHECK(program.Said("unexpected argument 'stray'"));
  CHECK(program.Run({}) == kExitUsage);
  CHECK(program.Run({"upp", "--help"}) == kExitUsage);
  CHECK(program.Said("did you mean 'up'?"));
  CHECK(program.runs == 0);
}

TEST_CASE("--print-config prints what would be used, where it came from, and runs nothing") {
  const ConfigFile file("model: \"a: b\"\nkv-budget: 2GiB\n");
  Program program;
  REQUIRE(program.Run({"up", "--config", file.path(), "--print-config"},
                      {{"CAIRN_PORT", "99"}, {"CAIRN_API_KEY", "hush"}}) == 0);
  CHECK(program.runs == 0);
  CHECK(program.Said("model: \"a: b\""));
  CHECK(program.Said("# " + file.path() + ":1"));
  CHECK(program.Said("# CAIRN_PORT"));
  CHECK(program.Said("drain-timeout: 30s"));
  CHECK(program.Said("reflection: true"));
  CHECK_FALSE(program.Said("hush"));
}

TEST_CASE("what --print-config prints is a configuration file that says the same") {
  Program first;
  REQUIRE(first.Run({"up", "-m", "m: #1", "--port", "77", "--kv-budget", "3MiB", "--stop", "x,\"y",
                     "--no-reflection", "--print-config"}) == 0);
  const ConfigFile file(first.out.str());
  Program second;
  const int code = second.Run({"up", "--config", file.path()});
  CAPTURE(first.out.str(), second.err.str());
  REQUIRE(code == 0);
  CHECK(second.model == "m: #1");
  CHECK(second.port == 77);
  CHECK(second.kv_budget == 3 << 20);
  CHECK(second.stop == std::vector<std::string>{"x,\"y"});
  CHECK_FALSE(second.reflection);
}

TEST_CASE("a status becomes a message and exit code 1, other codes pass through") {
  Program program;
  program.result = absl::UnavailableError("port 8000 is taken");
  CHECK(program.Run({"up", "-m", "m"}) == kExitFailed);
  CHECK(program.Run({"chat"}) == 0);
  CHECK(program.chats == 1);
}

TEST_CASE("help names the command, its flags and their defaults, and runs nothing") {
  Program program;
  REQUIRE(program.Run({"up", "--help"}) == 0);
  CHECK(program.Said("cairn up [OPTIONS]"));
  CHECK(program.Said("--kv-budget"));
  CHECK(program.Said("1GiB"));
  CHECK(program.runs == 0);
}

}  // namespace
}  // namespace cairn
