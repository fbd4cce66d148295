// The `cairn` program: one file a subcommand, each adding itself to the command line.
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "deploy/cli/bench_engine.h"
#include "deploy/cli/bench_kernels.h"
#include "deploy/cli/bench_serve.h"
#include "deploy/cli/chat.h"
#include "deploy/cli/command_line.h"
#include "deploy/cli/complete.h"
#include "deploy/cli/model_inspect.h"
#include "deploy/cli/model_pull.h"
#include "deploy/cli/model_render.h"
#include "deploy/cli/model_tokenize.h"
#include "deploy/cli/replay.h"
#include "deploy/cli/simulate.h"
#include "deploy/cli/trace_describe.h"
#include "deploy/cli/up.h"
#include "deploy/cli/version.h"

namespace cairn {
namespace {

constexpr char kFooter[] =
    R"(Every flag of a subcommand may also come from a file (--config cairn.yaml) or the environment
(--kv-budget is CAIRN_KV_BUDGET); a flag wins over the environment, the environment over the file.
Exit codes: 0 done, 1 it could not be done, 2 the command line or configuration is wrong.

Examples:
  cairn model pull                              fetch the default model
  cairn up --model smollm2-135m-instruct        serve it on port 8000
  cairn chat                                    talk to it)";

Environment ReadEnvironment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

void AddSubcommands(CLI::App& root) {
  AddUp(root);
  CLI::App* model =
      root.add_subcommand("model", "fetch models and look into them")->group("Models");
  model->require_subcommand(0, 1);
  AddModelPull(*model);
  AddModelInspect(*model);
  AddModelTokenize(*model);
  AddModelDetokenize(*model);
  AddModelRender(*model);
  AddChat(root);
  AddComplete(root);
  CLI::App* bench = root.add_subcommand("bench", "measure")->group("Measure");
  bench->require_subcommand(0, 1);
  AddBenchEngine(*bench);
  AddBenchKernels(*bench);
  AddBenchServe(*bench);
  AddReplay(root);
  AddSimulate(root);
  CLI::App* trace = root.add_subcommand("trace", "look into recorded workloads")->group("Measure");
  trace->require_subcommand(0, 1);
  AddTraceDescribe(*trace);
}

int Main(int argc, char** argv) {
  CommandLine command_line("Cairn: LLM serving arranged around the KV cache.", "cairn");
  CLI::App& root = command_line.root();
  root.set_version_flag("--version", VersionText(), "print what this is and stop");
  root.set_help_flag("-h,--help", "print this and stop");
  AddSubcommands(root);
  root.footer(kFooter);  // last: subcommands would inherit it
  return command_line.Run({argv + 1, argv + argc}, ReadEnvironment(), std::cout, std::cerr);
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) { return cairn::Main(argc, argv); }
