// Which planted bug is switched on. The cores know nothing of
// this: tests/sim/planted/bugs.cmake makes patched copies of them for one test binary.
#pragma once

namespace cairn {

inline int planted_bug = 0;  // 0: none

}  // namespace cairn
