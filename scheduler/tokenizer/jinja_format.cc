#include "scheduler/tokenizer/jinja_format.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/jinja_arguments.h"
#include "scheduler/tokenizer/jinja_text_methods.h"

namespace cairn::jinja {

namespace {

std::string StripAscii(const Text& text) { return Strip(text, nullptr, true, true).bytes(); }

// A number as Python's int() and float() read it: underscores between digits. False: it is none.
bool ReadDouble(const Text& text, double& value) {
  std::string spelled = StripAscii(text);
  if (spelled.find_first_of("xXpP") != std::string::npos ||
      spelled.find("__") != std::string::npos) {
    return false;
  }
  std::string plain;
  for (char c : spelled) {
    if (c != '_') plain.push_back(c);
  }
  return absl::SimpleAtod(plain, &value);
}

bool ReadInt(const Text& text, int base, int64_t& value) {
  const std::string spelled = StripAscii(text);
  std::string plain;
  for (char c : spelled) {
    if (c != '_') plain.push_back(c);
  }
  if (plain.empty() || spelled.front() == '_' || spelled.back() == '_') return false;
  errno = 0;
  char* end = nullptr;
  value = std::strtoll(plain.c_str(), &end, base);
  return *end == '\0' && end != plain.c_str() && errno == 0;
}

bool FitsInt(double value) {
  return value >= -9223372036854775808.0 && value < 9223372036854775808.0;
}

}  // namespace

Value IntFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  if (input.Is(Kind::kUndefined)) return renderer.Attribute(input, "");  // says what is undefined
  BoundArguments bound(renderer, arguments, {"default", "base"});
  const Value fallback = bound[0] != nullptr ? *bound[0] : Value::Int(0);
  const int64_t base = bound.Integer(1, 10);
  if (base != 0 && (base < 2 || base > 36)) return renderer.Fail("int: base must be 0 or 2 to 36");
  int64_t integer = 0;
  double real = 0;
  if (input.IsInteger()) return Value::Int(input.AsInt(), input.origin());
  if (input.Is(Kind::kString)) {
    if (ReadInt(input.text(), static_cast<int>(base), integer))
      return Value::Int(integer, Origin::kData);
    if (!ReadDouble(input.text(), real)) return fallback;
  } else if (input.Is(Kind::kFloat)) {
    real = input.AsFloat();
  } else {
    return fallback;
  }
  if (!std::isfinite(real)) return fallback;
  if (!FitsInt(real)) return renderer.Fail("an integer beyond 64 bits");
  return Value::Int(static_cast<int64_t>(real), Origin::kData);
}

Value FloatFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  if (input.Is(Kind::kUndefined)) return renderer.Attribute(input, "");
  const BoundArguments bound(renderer, arguments, {"default"});
  double real = 0;
  if (input.IsNumber()) return Value::Float(input.AsDouble(), input.origin());
  if (input.Is(Kind::kString) && ReadDouble(input.text(), real))
    return Value::Float(real, Origin::kData);
  return bound[0] != nullptr ? *bound[0] : Value::Float(0);
}

double RoundDecimal(double value, int64_t precision) {
  if (!std::isfinite(value)) return value;
  if (precision >= 0) {
    // The C library rounds the exact decimal expansion, as Python does.
    char buffer[1024];
    std::snprintf(buffer, sizeof(buffer), "%.*f", static_cast<int>(precision), value);
    return std::strtod(buffer, nullptr);
  }
  const double scale = std::pow(10.0, static_cast<double>(-precision));
  return std::nearbyint(value / scale) * scale;
}

// "..." % arguments: %s %r %d %i %f %.Nf %x %% and nothing else.
Value FormatFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const Text format = renderer.Str(input);
  const std::string& bytes = format.bytes();
  Text result;
  size_t taken = 0;
  const std::vector<Value>& given = arguments.positional;
  if (!arguments.named.empty()) return renderer.Fail("format: named arguments are not supported");
  for (size_t at = 0; at < bytes.size() && renderer.ok();) {
    const size_t percent = std::min(bytes.find('%', at), bytes.size());
    result.AppendPart(format, at, percent);
    if (percent == bytes.size()) break;
    size_t end = percent + 1;
    int precision = 6;
    if (end + 1 < bytes.size() && bytes[end] == '.' && bytes[end + 1] >= '0' &&
        bytes[end + 1] <= '9') {
      precision = bytes[end + 1] - '0';
      end += 2;
    }
    const char type = end < bytes.size() ? bytes[end] : '\0';
    const bool has_precision = end > percent + 1;
    at = end + 1;
    if (type == '%' && !has_precision) {
      result.AppendPart(format, percent, percent + 1);
      continue;
    }
    if (taken >= given.size()) return renderer.Fail("not enough arguments for format string");
    const Value& value = given[taken++];
    if (type == 's' && !has_precision) {
      result.Append(renderer.Str(value));
    } else if (type == 'r' && !has_precision) {
      renderer.Charge(WeightOf(value));
      std::string repr;
      if (renderer.ok()) AppendRepr(value, repr);
      result.Append(repr, Origin::kData);
    } else if ((type == 'd' || type == 'i') && !has_precision && value.IsNumber()) {
      if (value.Is(Kind::kFloat) && !FitsInt(value.AsFloat()))
        return renderer.Fail("an integer beyond 64 bits");
      const int64_t integer =
          value.Is(Kind::kFloat) ? static_cast<int64_t>(value.AsFloat()) : value.AsInt();
      result.Append(absl::StrCat(integer), value.origin());
    } else if (type == 'f' && value.IsNumber()) {
      char buffer[512];
      std::snprintf(buffer, sizeof(buffer), "%.*f", precision, value.AsDouble());
      result.Append(buffer, value.origin());
    } else {
      return renderer.Fail(
          absl::StrCat("format: '%", std::string(1, type), "' is not supported here"));
    }
  }
  if (taken < given.size())
    return renderer.Fail("not all arguments converted during string formatting");
  result.set_markup(format.is_markup());
  return renderer.NewString(std::move(result));
}

Value FormatMethod(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const Text& format = input.text();
  const std::string& bytes = format.bytes();
  Text result;
  size_t automatic = 0;
  for (size_t at = 0; at < bytes.size() && renderer.ok();) {
    const size_t brace = std::min(bytes.find_first_of("{}", at), bytes.size());
    result.AppendPart(format, at, brace);
    if (brace == bytes.size()) break;
    if (brace + 1 < bytes.size() && bytes[brace + 1] == bytes[brace]) {
      result.AppendPart(format, brace, brace + 1);
      at = brace + 2;
      continue;
    }
    const size_t end = bytes.find('}', brace);
    if (bytes[brace] == '}' || end == std::string::npos)
      return renderer.Fail("format: a single brace");
    std::string field = bytes.substr(brace + 1, end - brace - 1);
    at = end + 1;
    bool as_repr = false;
    if (const size_t mark = field.find('!'); mark != std::string::npos) {
      const std::string conversion = field.substr(mark);
      if (conversion != "!s" && conversion != "!r")
        return renderer.Fail("format: only !s and !r are supported");
      as_repr = conversion == "!r";
      field.resize(mark);
    }
    const Value* value = nullptr;
    size_t index = automatic;
    if (field.empty() || (absl::SimpleAtoi(field, &index) && field[0] != '-')) {
      if (field.empty()) ++automatic;
      if (index < arguments.positional.size()) value = &arguments.positional[index];
    } else {
      for (const auto& [name, named] : arguments.named) {
        if (name == field) value = &named;
      }
    }
    if (value == nullptr) {
      return renderer.Fail(absl::StrCat("format: nothing for the field '{", field,
                                        "}' (format specifications are not supported)"));
    }
    Text shown = renderer.Str(*value);
    if (as_repr) {
      std::string repr;
      if (renderer.ok()) AppendRepr(*value, repr);
      shown = Text(repr, Origin::kData);
    }
    result.Append(shown);
    renderer.Charge(1 + shown.size() / 32);
    if (result.size() > (16u << 20)) return renderer.Fail("string too long");
  }
  result.set_markup(format.is_markup());
  return renderer.NewString(std::move(result));
}

namespace {

constexpr std::array<const char*, 12> kMonths = {"January",   "February", "March",    "April",
                                                 "May",       "June",     "July",     "August",
                                                 "September", "October",  "November", "December"};
constexpr std::array<const char*, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};
constexpr std::array<int, 12> kDaysBefore = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

bool IsLeap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DayOfYear(const CivilTime& time) {  // 1 to 366
  return kDaysBefore[static_cast<size_t>(time.month - 1)] + time.day +
         (time.month > 2 && IsLeap(time.year) ? 1 : 0);
}

int Weekday(const CivilTime& time) {  // 0: Sunday
  const int years = time.year - 1;
  return (years + years / 4 - years / 100 + years / 400 + DayOfYear(time)) % 7;
}

std::string Padded(int value, size_t width, char pad) {
  std::string digits = absl::StrCat(value);
  if (pad != '\0' && digits.size() < width) digits.insert(0, width - digits.size(), pad);
  return digits;
}

// One conversion. Empty: not known.
std::string Convert(const CivilTime& time, char type, bool bare) {
  const char zero = bare ? '\0' : '0';
  const std::string month = kMonths[static_cast<size_t>(time.month - 1)];
  const std::string day = kDays[static_cast<size_t>(Weekday(time))];
  const int twelve = time.hour % 12 == 0 ? 12 : time.hour % 12;
  switch (type) {
    case 'Y':
      return Padded(time.year, 4, zero);
    case 'y':
      return Padded(time.year % 100, 2, zero);
    case 'm':
      return Padded(time.month, 2, zero);
    case 'd':
      return Padded(time.day, 2, zero);
    case 'e':
      return Padded(time.day, 2, bare ? '\0' : ' ');
    case 'H':
      return Padded(time.hour, 2, zero);
    case 'I':
      return Padded(twelve, 2, zero);
    case 'M':
      return Padded(time.minute, 2, zero);
    case 'S':
      return Padded(time.second, 2, zero);
    case 'j':
      return Padded(DayOfYear(time), 3, zero);
    case 'B':
      return month;
    case 'b':
    case 'h':
      return month.substr(0, 3);
    case 'A':
      return day;
    case 'a':
      return day.substr(0, 3);
    case 'p':
      return time.hour < 12 ? "AM" : "PM";
    case 'u':
      return absl::StrCat(Weekday(time) == 0 ? 7 : Weekday(time));
    case 'w':
      return absl::StrCat(Weekday(time));
    case 'F':
      return absl::StrCat(Convert(time, 'Y', false), "-", Convert(time, 'm', false), "-",
                          Convert(time, 'd', false));
    case 'D':
    case 'x':
      return absl::StrCat(Convert(time, 'm', false), "/", Convert(time, 'd', false), "/",
                          Convert(time, 'y', false));
    case 'T':
    case 'X':
      return absl::StrCat(Convert(time, 'H', false), ":", Convert(time, 'M', false), ":",
                          Convert(time, 'S', false));
    case 'R':
      return absl::StrCat(Convert(time, 'H', false), ":", Convert(time, 'M', false));
    case '%':
      return "%";
    default:
      return "";
  }
}

}  // namespace

Value StrftimeNow(Renderer& renderer, const Value&, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"format"});
  const std::string& format = bound.String(0).bytes();
  if (!renderer.now()) return renderer.Fail("strftime_now: the time is not known here");
  std::string text;
  for (size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%') {
      text.push_back(format[at]);
      continue;
    }
    const bool bare = at + 1 < format.size() && format[at + 1] == '-';
    at += bare ? 2 : 1;
    const std::string part = at < format.size() ? Convert(*renderer.now(), format[at], bare) : "";
    if (part.empty()) return renderer.Fail("strftime_now: a conversion that is not supported");
    text += part;
  }
  return renderer.NewString(
      Text(text, bound.String(0).empty() ? Origin::kTrusted : bound.String(0).OriginAt(0)));
}

}  // namespace cairn::jinja
