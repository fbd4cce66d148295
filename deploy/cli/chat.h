// `cairn chat`: a conversation in the terminal.
#pragma once

#include <CLI/CLI.hpp>

namespace cairn {

void AddChat(CLI::App& root);

}  // namespace cairn
