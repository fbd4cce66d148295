#include "scheduler/simulator/trace_fields.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cairn {

absl::StatusOr<TraceJson> ParseObject(const LineReader& lines, std::string_view line) {
  TraceJson object = TraceJson::parse(line, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return lines.Error("", "not JSON");
  if (!object.is_object()) return lines.Error("", "not a JSON object");
  return object;
}

const TraceJson* JsonFields::Find(const char* name) {
  const auto found = object_.find(name);
  if (found != object_.end()) return &*found;
  Wrong(name, "is missing");
  return nullptr;
}

void JsonFields::Wrong(std::string_view name, std::string_view what) {
  if (status_.ok()) status_ = lines_.Error(absl::StrCat(path_, std::string(name)), what);
}

uint64_t JsonFields::Count(const char* name, uint64_t min, uint64_t max) {
  const TraceJson* value = Find(name);
  if (value == nullptr) return min;
  std::optional<uint64_t> count;
  if (value->is_number_unsigned()) {
    count = value->get<uint64_t>();
  } else if (value->is_number_float()) {
    // Some writers put 12.0 for 12.
    const double number = value->get<double>();
    if (number >= 0 && number < 0x1p53 && std::floor(number) == number) {
      count = static_cast<uint64_t>(number);
    }
  }
  if (count.has_value() && *count >= min && *count <= max) return *count;
  Wrong(name, absl::StrCat("not a whole number from ", min, " to ", max));
  return min;
}

uint64_t JsonFields::CountOr(const char* name, uint64_t min, uint64_t max, uint64_t absent) {
  return Has(name) ? Count(name, min, max) : absent;
}

Duration JsonFields::Time(const char* name, Duration unit, int64_t seconds_max) {
  const TraceJson* value = Find(name);
  if (value == nullptr) return Duration();
  const double max = static_cast<double>(seconds_max) / unit.seconds();
  if (value->is_number()) {
    const double count = value->get<double>();
    if (count >= 0 && count <= max) {
      // Whole nanoseconds stay exact, however large.
      if (value->is_number_unsigned()) return unit * static_cast<int64_t>(value->get<uint64_t>());
      return DurationOf(count, unit);
    }
  }
  Wrong(name, absl::StrCat("not a number from 0 to ", max));
  return Duration();
}

Duration JsonFields::TimeOr(const char* name, Duration unit, int64_t seconds_max, Duration absent) {
  return Has(name) ? Time(name, unit, seconds_max) : absent;
}

const TraceJson* JsonFields::Array(const char* name) {
  const TraceJson* value = Find(name);
  if (value == nullptr) return nullptr;
  if (value->is_array()) return value;
  Wrong(name, "not a list");
  return nullptr;
}

std::string_view JsonFields::Text(const char* name) {
  const TraceJson* value = Find(name);
  if (value == nullptr) return "";
  if (value->is_string()) return value->get_ref<const std::string&>();
  Wrong(name, "not a string");
  return "";
}

std::optional<double> ParseNumber(std::string_view text, double min, double max) {
  double number = 0;
  if (!absl::SimpleAtod(absl::string_view(text.data(), text.size()), &number)) return std::nullopt;
  if (!(number >= min && number <= max)) return std::nullopt;
  return number;
}

Duration DurationOf(double count, Duration unit) {
  return Nanoseconds(std::llround(count * static_cast<double>(unit.nanoseconds())));
}

std::vector<std::string> SplitCells(std::string_view line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
        cells.back().push_back('"');
        ++i;
      } else {
        quoted = !quoted;
      }
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back().push_back(c);
    }
  }
  for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
  return cells;
}

std::string ColumnName(std::string_view cell) {
  std::string name;
  for (const char c : cell) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      name.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    }
  }
  return name;
}

}  // namespace cairn
