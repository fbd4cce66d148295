#include "scheduler/simulator/arrival_csv.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "scheduler/simulator/trace_builder.h"

namespace cairn {
namespace {

constexpr std::array<std::string_view, 8> kArrivalNames = {"timestamp",   "arrival",  "arrivaltime",
                                                           "arrivedat",   "time",     "arrivalms",
                                                           "timestampms", "starttime"};
constexpr std::array<std::string_view, 7> kInputNames = {
    "contexttokens", "inputtokens",  "inputlength",     "prompttokens",
    "requesttokens", "promptlength", "numprefilltokens"};
constexpr std::array<std::string_view, 6> kOutputNames = {"generatedtokens", "outputtokens",
                                                          "outputlength",    "responsetokens",
                                                          "numdecodetokens", "completiontokens"};

struct Columns {
  std::optional<size_t> arrival;
  std::optional<size_t> input;
  std::optional<size_t> output;
  Duration unit = Seconds(1);
  size_t count = 0;
};

template <size_t n>
bool IsOneOf(const std::string& name, const std::array<std::string_view, n>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Columns ColumnsOf(std::string_view header) {
  Columns columns;
  const std::vector<std::string> cells = SplitCells(header);
  columns.count = cells.size();
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string name = ColumnName(cells[i]);
    if (!columns.arrival.has_value() && IsOneOf(name, kArrivalNames)) {
      columns.arrival = i;
      if (name.ends_with("ms")) columns.unit = Milliseconds(1);
    }
    if (!columns.input.has_value() && IsOneOf(name, kInputNames)) columns.input = i;
    if (!columns.output.has_value() && IsOneOf(name, kOutputNames)) columns.output = i;
  }
  return columns;
}

std::optional<uint32_t> Tokens(const std::string& cell, uint32_t max) {
  const std::optional<double> number = ParseNumber(cell, 0, max);
  if (!number.has_value() || *number != static_cast<double>(static_cast<uint32_t>(*number))) {
    return std::nullopt;
  }
  return std::max(1u, static_cast<uint32_t>(*number));
}

std::optional<Instant> Arrival(const std::string& cell, Duration unit) {
  constexpr double kSecondsMax = 4.2e9;  // as late as a date may be
  const std::optional<double> number = ParseNumber(cell, 0, kSecondsMax / unit.seconds());
  if (number.has_value()) return Instant() + DurationOf(*number, unit);
  const std::optional<int64_t> date = ParseDate(cell);
  if (date.has_value()) return Instant::FromNanoseconds(*date);
  return std::nullopt;
}

absl::StatusOr<TraceRequest> ReadRow(const LineReader& lines, std::string_view line,
                                     const Columns& columns, const TraceLimits& limits) {
  const std::vector<std::string> cells = SplitCells(line);
  if (cells.size() != columns.count) {
    return lines.Error("",
                       absl::StrCat(cells.size(), " cells under ", columns.count, " column names"));
  }
  const std::string tokens_wanted =
      absl::StrCat("not a whole number from 0 to ", limits.tokens_max);
  const std::optional<Instant> arrival = Arrival(cells[*columns.arrival], columns.unit);
  if (!arrival.has_value()) return lines.Error("arrival", "neither a number nor a date");
  const std::optional<uint32_t> input = Tokens(cells[*columns.input], limits.tokens_max);
  if (!input.has_value()) return lines.Error("input tokens", tokens_wanted);
  const std::optional<uint32_t> output = Tokens(cells[*columns.output], limits.tokens_max);
  if (!output.has_value()) return lines.Error("output tokens", tokens_wanted);
  TraceRequest request;
  request.arrival = *arrival;
  request.input_tokens = *input;
  request.output_tokens = *output;
  return request;
}

bool Digits(std::string_view text, int& number) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos &&
         absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &number);
}

// Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level
// date algorithms").
int64_t DaysOf(int year, int month, int day) {
  const int y = month <= 2 ? year - 1 : year;
  const int era = y / 400;  // REQUIRES: year > 0
  const int year_of_era = y - era * 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return int64_t{era} * 146097 + day_of_era - 719468;
}

// "[.fraction]" of a second, and what may follow, in nanoseconds.
std::optional<int64_t> Fraction(std::string_view text) {
  if (text.ends_with("+00:00")) text.remove_suffix(6);
  if (text.ends_with('Z')) text.remove_suffix(1);
  if (text.empty()) return 0;
  if (text.front() != '.' || text.size() == 1) return std::nullopt;
  int64_t ns = 0;
  int64_t unit = 100'000'000;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    ns += unit * (c - '0');
    unit /= 10;
  }
  return ns;
}

}  // namespace

std::optional<int64_t> ParseDate(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00 00:00:00";
  if (text.size() < kShape.size()) return std::nullopt;
  for (const size_t i : {4, 7, 10, 13, 16}) {
    if (text[i] != kShape[i] && !(i == 10 && text[i] == 'T')) return std::nullopt;
  }
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!Digits(text.substr(0, 4), year) || !Digits(text.substr(5, 2), month) ||
      !Digits(text.substr(8, 2), day) || !Digits(text.substr(11, 2), hour) ||
      !Digits(text.substr(14, 2), minute) || !Digits(text.substr(17, 2), second)) {
    return std::nullopt;
  }
  if (year < 1970 || year > 2099 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
      minute > 59 || second > 60) {
    return std::nullopt;
  }
  const std::optional<int64_t> fraction = Fraction(text.substr(kShape.size()));
  if (!fraction.has_value()) return std::nullopt;
  const int64_t seconds = DaysOf(year, month, day) * 86'400 + hour * 3600 + minute * 60 + second;
  return seconds * 1'000'000'000 + *fraction;
}

bool IsArrivalHeader(std::string_view line) {
  const Columns columns = ColumnsOf(line);
  return columns.arrival.has_value() && columns.input.has_value();
}

absl::StatusOr<Trace> ReadArrivalCsv(LineReader& lines, uint32_t block_tokens,
                                     const TraceLimits& limits) {
  const auto header = lines.Next();
  if (!header.ok()) return header.status();
  if (!header->has_value()) return absl::InvalidArgumentError(lines.file() + ": empty");
  const Columns columns = ColumnsOf(**header);
  if (!columns.arrival.has_value() || !columns.input.has_value() || !columns.output.has_value()) {
    return lines.Error("column names",
                       "need one of arrivals (timestamp), one of input tokens (ContextTokens, "
                       "input_tokens) and one of output tokens (GeneratedTokens, output_tokens)");
  }
  TraceBuilder builder(limits, block_tokens);
  while (true) {
    const auto line = lines.Next();
    if (!line.ok()) return line.status();
    if (!line->has_value()) break;
    absl::StatusOr<TraceRequest> request = ReadRow(lines, **line, columns, limits);
    if (!request.ok()) return request.status();
    request->session = builder.size();
    if (absl::Status added = builder.Add(lines, *std::move(request)); !added.ok()) return added;
  }
  return std::move(builder).Finish(lines, "arrivals and lengths");
}

}  // namespace cairn
