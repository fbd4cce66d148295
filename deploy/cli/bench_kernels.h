// `cairn bench kernels`: what single steps of a model cost on this machine, shape by shape, and
// with
// --fit the profile that `cairn simulate` and `cairn up --engine modelled` take.
#pragma once

#include <CLI/CLI.hpp>

namespace cairn {

void AddBenchKernels(CLI::App& bench);

}  // namespace cairn
