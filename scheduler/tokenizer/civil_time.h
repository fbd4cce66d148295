// A date and a time of day, as a calendar and a clock on the wall show them.
#pragma once

#include <cstdint>

namespace cairn {

struct CivilTime {
  int32_t year = 1970;
  int32_t month = 1;  // 1 to 12
  int32_t day = 1;
  int32_t hour = 0;
  int32_t minute = 0;
  int32_t second = 0;
};

}  // namespace cairn
