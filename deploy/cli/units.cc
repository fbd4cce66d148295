#include "deploy/cli/units.h"

#include <array>
#include <limits>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cairn {
namespace {

struct Unit {
  absl::string_view name;
  uint64_t factor;
};

// Binary units first, largest first: FormatSize walks them in this order.
constexpr std::array<Unit, 10> kSizeUnits = {{{"TiB", uint64_t{1} << 40},
                                              {"GiB", uint64_t{1} << 30},
                                              {"MiB", uint64_t{1} << 20},
                                              {"KiB", uint64_t{1} << 10},
                                              {"TB", 1'000'000'000'000},
                                              {"GB", 1'000'000'000},
                                              {"MB", 1'000'000},
                                              {"KB", 1'000},
                                              {"B", 1},
                                              {"", 1}}};

constexpr std::array<Unit, 7> kDurationUnits = {{{"d", 86'400'000'000'000},
                                                 {"h", 3'600'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"ms", 1'000'000},
                                                 {"us", 1'000},
                                                 {"ns", 1}}};

// A decimal number as digits and how many of them stand behind the point: exact, unlike a double.
struct Decimal {
  uint64_t digits = 0;
  uint64_t scale = 1;  // 10^(places behind the point)
};

// Takes a number off the front of `text`; nothing if there is none or it has too many digits.
std::optional<Decimal> TakeDecimal(absl::string_view& text) {
  Decimal number;
  bool any = false;
  bool fraction = false;
  while (!text.empty()) {
    const char c = text.front();
    if (c == '.' && !fraction) {
      fraction = true;
    } else if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
      const auto digit = static_cast<uint64_t>(c - '0');
      if (number.digits > (kMax - digit) / 10 || (fraction && number.scale > kMax / 10)) return {};
      number.digits = number.digits * 10 + digit;
      if (fraction) number.scale *= 10;
      any = true;
    } else {
      break;
    }
    text.remove_prefix(1);
  }
  if (!any) return {};
  return number;
}

// number * factor if that is a whole number that fits.
std::optional<uint64_t> Scale(Decimal number, uint64_t factor) {
  const auto product = static_cast<unsigned __int128>(number.digits) * factor;
  if (product % number.scale != 0) return {};
  const auto value = product / number.scale;
  if (value > std::numeric_limits<uint64_t>::max()) return {};
  return static_cast<uint64_t>(value);
}

absl::Status BadSize(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a size: ", why, " (write 512MiB, 64GiB, 1.5GB or bytes)"));
}

absl::Status BadDuration(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a duration: ", why, " (write 500ms, 30s, 5m or 1h)"));
}

}  // namespace

absl::StatusOr<uint64_t> ParseSize(absl::string_view text) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  const std::optional<Decimal> number = TakeDecimal(rest);
  if (!number) return BadSize(text, "it does not start with a number that fits");
  rest = absl::StripLeadingAsciiWhitespace(rest);
  for (const Unit& unit : kSizeUnits) {
    if (absl::AsciiStrToLower(rest) != absl::AsciiStrToLower(unit.name)) continue;
    const std::optional<uint64_t> bytes = Scale(*number, unit.factor);
    if (!bytes) return BadSize(text, "it is not a whole number of bytes that fits in 64 bits");
    return *bytes;
  }
  return BadSize(text, absl::StrCat("unknown unit '", rest, "'"));
}

std::string FormatSize(uint64_t bytes) {
  for (const Unit& unit : kSizeUnits) {
    if (unit.name == "TB") break;  // from here on decimal
    if (bytes != 0 && bytes % unit.factor == 0) return absl::StrCat(bytes / unit.factor, unit.name);
  }
  return absl::StrCat(bytes);
}

std::string FormatSizeRounded(uint64_t bytes) {
  for (const Unit& unit : kSizeUnits) {
    if (unit.name == "TB") break;
    if (bytes < unit.factor) continue;
    return absl::StrFormat("%.1f %s", static_cast<double>(bytes) / static_cast<double>(unit.factor),
                           unit.name);
  }
  return absl::StrCat(bytes, " B");
}

absl::StatusOr<Duration> ParseDuration(absl::string_view text) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  if (rest == "0") return Duration();
  if (rest.empty()) return BadDuration(text, "it is empty");
  uint64_t total_ns = 0;
  while (!rest.empty()) {
    const std::optional<Decimal> number = TakeDecimal(rest);
    if (!number) return BadDuration(text, "a number is missing or too long");
    size_t length = 0;
    while (length < rest.size() && absl::ascii_isalpha(static_cast<unsigned char>(rest[length]))) {
      ++length;
    }
    const absl::string_view name = rest.substr(0, length);
    rest.remove_prefix(length);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kDurationUnits) {
      if (candidate.name == name) unit = &candidate;
    }
    if (unit == nullptr) {
      return BadDuration(
          text, name.empty() ? "it has no unit" : absl::StrCat("unknown unit '", name, "'"));
    }
    const std::optional<uint64_t> ns = Scale(*number, unit->factor);
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!ns || *ns > kMax || total_ns > kMax - *ns) {
      return BadDuration(text, "it is finer than a nanosecond or longer than 292 years");
    }
    total_ns += *ns;
  }
  return Nanoseconds(static_cast<int64_t>(total_ns));
}

std::string FormatDuration(Duration duration) {
  const auto ns = static_cast<uint64_t>(duration.nanoseconds());
  if (ns == 0) return "0s";
  for (const Unit& unit : kDurationUnits) {
    if (ns % unit.factor == 0) return absl::StrCat(ns / unit.factor, unit.name);
  }
  return absl::StrCat(ns, "ns");
}

std::string FormatGrouped(uint64_t number) {
  std::string text = absl::StrCat(number);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string FormatDurationRounded(Duration duration) {
  const double seconds = duration.seconds();
  if (seconds < 1.0) return absl::StrFormat("%.0f ms", seconds * 1e3);
  if (seconds < 60.0) return absl::StrFormat("%.1f s", seconds);
  const auto whole = static_cast<int64_t>(seconds);
  return absl::StrFormat("%d min %d s", whole / 60, whole % 60);
}

}  // namespace cairn
