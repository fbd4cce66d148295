// `cairn simulate`: a cluster of production cores in virtual time, replaying a trace.
#pragma once

#include <CLI/CLI.hpp>

namespace cairn {

void AddSimulate(CLI::App& root);

}  // namespace cairn
