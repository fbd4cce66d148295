// CAIRN_CHECK: for what only a bug can break. Stays on in release builds; prints the condition, the
// values and the place, then aborts. What the world can break returns absl::Status instead.
// (absl/log/check.h is newer than the Abseil that Debian 12 ships.)
#pragma once

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

namespace cairn::base_internal {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* what,
                                     const std::string& detail) {
  std::fprintf(stderr, "%s:%d: check failed: %s%s%s\n", file, line, what, detail.empty() ? "" : " ",
               detail.c_str());
  std::abort();
}

// A function rather than a block with references, so that temporaries of `a` and `b` live as long
// as they are compared: f().value() would dangle in a reference of its own.
template <typename A, typename B, typename Holds>
void CheckOp(const char* file, int line, const char* what, Holds holds, const A& a, const B& b) {
  if (holds(a, b)) return;
  std::ostringstream values;
  values << "(" << a << " vs " << b << ")";
  CheckFailed(file, line, what, values.str());
}

}  // namespace cairn::base_internal

#define CAIRN_CHECK(condition)        \
  ((condition) ? static_cast<void>(0) \
               : ::cairn::base_internal::CheckFailed(__FILE__, __LINE__, #condition, ""))

#define CAIRN_CHECK_OP_(a, b, op)                                                                 \
  ::cairn::base_internal::CheckOp(                                                                \
      __FILE__, __LINE__, #a " " #op " " #b, [](const auto& x, const auto& y) { return x op y; }, \
      (a), (b))

#define CAIRN_CHECK_EQ(a, b) CAIRN_CHECK_OP_(a, b, ==)
#define CAIRN_CHECK_NE(a, b) CAIRN_CHECK_OP_(a, b, !=)
#define CAIRN_CHECK_LE(a, b) CAIRN_CHECK_OP_(a, b, <=)
#define CAIRN_CHECK_LT(a, b) CAIRN_CHECK_OP_(a, b, <)
#define CAIRN_CHECK_GE(a, b) CAIRN_CHECK_OP_(a, b, >=)
#define CAIRN_CHECK_GT(a, b) CAIRN_CHECK_OP_(a, b, >)
