// Runs another program and waits for it, keeping the end of what it said.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cairn {

struct ChildResult {
  int exit_code = 0;   // 128 + signal if a signal ended it
  std::string output;  // the last 64 KiB of standard output and error together
};

// `command[0]` is looked up in PATH; `environment` is added to this process's own. `every_tick` is
// called about five times a second meanwhile. An error only if the program could not be started.
absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& command,
                                     const std::map<std::string, std::string>& environment,
                                     const std::function<void()>& every_tick);

}  // namespace cairn
