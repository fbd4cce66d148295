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

template <typename A, typename B>
[[noreturn]] void CheckOpFailed(const char* file, int line, const char* what, const A& a,
                                const B& b) {
  std::ostringstream values;
  values << "(" << a << " vs " << b << ")";
  CheckFailed(file, line, what, values.str());
}

}  // namespace cairn::base_internal

#define CAIRN_CHECK(condition)        \
  ((condition) ? static_cast<void>(0) \
               : ::cairn::base_internal::CheckFailed(__FILE__, __LINE__, #condition, ""))

#define CAIRN_CHECK_OP_(a, b, op)                                                                 \
  do {                                                                                            \
    const auto& cairn_check_a = (a);                                                              \
    const auto& cairn_check_b = (b);                                                              \
    if (!(cairn_check_a op cairn_check_b)) {                                                      \
      ::cairn::base_internal::CheckOpFailed(__FILE__, __LINE__, #a " " #op " " #b, cairn_check_a, \
                                            cairn_check_b);                                       \
    }                                                                                             \
  } while (false)

#define CAIRN_CHECK_EQ(a, b) CAIRN_CHECK_OP_(a, b, ==)
#define CAIRN_CHECK_NE(a, b) CAIRN_CHECK_OP_(a, b, !=)
#define CAIRN_CHECK_LE(a, b) CAIRN_CHECK_OP_(a, b, <=)
#define CAIRN_CHECK_LT(a, b) CAIRN_CHECK_OP_(a, b, <)
#define CAIRN_CHECK_GE(a, b) CAIRN_CHECK_OP_(a, b, >=)
#define CAIRN_CHECK_GT(a, b) CAIRN_CHECK_OP_(a, b, >)
