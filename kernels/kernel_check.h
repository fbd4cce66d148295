// CAIRN_KERNEL_CHECK: what only a bug can break, for a folder that includes nothing but itself.
// Prints the condition and the place, then aborts; stays on in release builds. Not for units of a
// level.
#pragma once

namespace cairn {

[[noreturn]] void KernelCheckFailed(const char* file, int line, const char* what);

}  // namespace cairn

#define CAIRN_KERNEL_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::cairn::KernelCheckFailed(__FILE__, __LINE__, #condition))
