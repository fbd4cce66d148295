// `cairn complete PROMPT`: lets the model go on with a text.
#pragma once

#include <CLI/CLI.hpp>

namespace cairn {

void AddComplete(CLI::App& root);

}  // namespace cairn
