// The `cairn` program: one file a subcommand.
#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  CLI::App app{"Cairn: KV-cache-centric LLM serving", "cairn"};
  app.require_subcommand(1);
  CLI11_PARSE(app, argc, argv);
  return 0;
}
