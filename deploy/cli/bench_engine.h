// `cairn bench engine`: prefill and decode speed of one model on this machine, without scheduler or
// server: what the kernels and the engine alone can do, cell by cell.
#pragma once

#include <CLI/CLI.hpp>

namespace cairn {

void AddBenchEngine(CLI::App& bench);

}  // namespace cairn
