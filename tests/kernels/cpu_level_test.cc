#include "kernels/cpu_level.h"

#include <catch2/catch.hpp>

#include <string>

namespace cairn {

TEST_CASE("every level is found again by its name, and no other name is a level") {
  for (int i = 0; i <= static_cast<int>(CpuLevel::kAmx); ++i) {
    const auto level = static_cast<CpuLevel>(i);
    REQUIRE(ParseCpuLevel(CpuLevelName(level)) == level);
  }
  for (const char* name : {"", "AVX2", "avx", "avx512 ", "sse", "4"}) {
    CAPTURE(name);
    REQUIRE_FALSE(ParseCpuLevel(name).has_value());
  }
}

TEST_CASE("the level found agrees with what the compiler's runtime finds") {
#if defined(__x86_64__)
  const CpuLevel level = DetectCpuLevel();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  REQUIRE((level >= CpuLevel::kAvx2) == avx2);
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vnni");
  REQUIRE((level >= CpuLevel::kAvx512) == avx512);
#else
  REQUIRE(DetectCpuLevel() == CpuLevel::kPortable);
#endif
  WARN("this machine's level: " << std::string(CpuLevelName(DetectCpuLevel())));
}

}  // namespace cairn
