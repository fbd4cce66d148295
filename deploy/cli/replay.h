// `cairn replay`: drives a live server at a trace's times, as `cairn simulate` drives a virtual
// one.
#pragma once

#include <CLI/CLI.hpp>

namespace cairn {

void AddReplay(CLI::App& root);

}  // namespace cairn
