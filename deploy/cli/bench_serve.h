// `cairn bench serve`: load on a running server, as seen by its clients.
#pragma once

#include <CLI/CLI.hpp>

namespace cairn {

void AddBenchServe(CLI::App& bench);

}  // namespace cairn
