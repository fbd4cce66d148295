// Which instructions the CPU engine may use, as every subcommand with an engine asks for them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/status.h"
#include "worker/engine/cpu_engine.h"

namespace cairn {

struct InstructionFlags {
  std::string cpu_level = "auto";
  std::string attention = "auto";
};

// --cpu-level, --attention.
void AddInstructionFlags(CLI::App& app, InstructionFlags& flags, const std::string& group);

// auto is the best there is. FAILED_PRECONDITION: this machine, or the level, has not what is asked
// for: what is computed must not depend on which machine a configuration file is copied to.
absl::Status ApplyInstructionFlags(const InstructionFlags& flags, CpuEngineOptions& engine);

}  // namespace cairn
