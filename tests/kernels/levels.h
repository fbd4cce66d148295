// The levels that this machine can run, for tests that try each of them.
#pragma once

#include <vector>

#include "kernels/cpu_level.h"

namespace cairn {

inline std::vector<CpuLevel> RunnableLevels() {
  std::vector<CpuLevel> levels;
  for (int level = 0; level <= static_cast<int>(DetectCpuLevel()); ++level) {
    levels.push_back(static_cast<CpuLevel>(level));
  }
  return levels;
}

inline const char* LevelName(CpuLevel level) { return CpuLevelName(level).data(); }  // a literal

}  // namespace cairn
