#include "deploy/cli/units.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

TEST_CASE("sizes take binary and decimal units in any case") {
  CHECK(ParseSize("64GiB").value() == uint64_t{64} << 30);
  CHECK(ParseSize("64 gib").value() == uint64_t{64} << 30);
  CHECK(ParseSize("1.5MB").value() == 1'500'000);
  CHECK(ParseSize("0.5KiB").value() == 512);
  CHECK(ParseSize("17").value() == 17);
  CHECK(ParseSize("0").value() == 0);
  CHECK(ParseSize("18446744073709551615").value() == std::numeric_limits<uint64_t>::max());
}

TEST_CASE("what is not a size is refused with the reason") {
  for (const char* text : {"", "G", "-1", "1.5", "0.3KiB", "64G", "1e9", "18446744073709551616",
                           "16777216TiB", "1..5MB", "1 2", "99999999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseSize(text).ok());
  }
  CHECK(std::string(ParseSize("64G").status().message()).find("unknown unit 'G'") !=
        std::string::npos);
}

TEST_CASE("every size reads back as it was written") {
  Prng prng(7);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t bytes = prng.Next() >> (prng.Next() % 64);
    REQUIRE(ParseSize(FormatSize(bytes)).value() == bytes);
  }
  CHECK(FormatSize(uint64_t{64} << 20) == "64MiB");
}

TEST_CASE("durations take units, also in a row") {
  CHECK(ParseDuration("500ms").value() == Milliseconds(500));
  CHECK(ParseDuration("1m30s").value() == Seconds(90));
  CHECK(ParseDuration("1.5s").value() == Milliseconds(1500));
  CHECK(ParseDuration("0").value() == Duration());
  CHECK(ParseDuration("2h").value() == Seconds(7200));
}

TEST_CASE("what is not a duration is refused") {
  for (const char* text : {"", "5", "-1s", "1 fortnight", "s", "1.5ns", "300000d", "1s2"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseDuration(text).ok());
  }
}

TEST_CASE("every duration reads back as it was written") {
  Prng prng(9);
  for (int i = 0; i < 2000; ++i) {
    const auto ns = static_cast<int64_t>((prng.Next() >> 1) >> (prng.Next() % 63));
    REQUIRE(ParseDuration(FormatDuration(Nanoseconds(ns))).value() == Nanoseconds(ns));
  }
  CHECK(FormatDuration(Seconds(90)) == "90s");
}

TEST_CASE("rounded forms are for people") {
  CHECK(FormatSizeRounded(98'362'432) == "93.8 MiB");
  CHECK(FormatDurationRounded(Milliseconds(850)) == "850 ms");
  CHECK(FormatDurationRounded(Seconds(250)) == "4 min 10 s");
}

}  // namespace
}  // namespace cairn
