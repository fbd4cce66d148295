// `cairn up`: everything on one machine, in one process.
#pragma once

#include <CLI/CLI.hpp>

namespace cairn {

void AddUp(CLI::App& root);

}  // namespace cairn
