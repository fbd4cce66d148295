// The fields of one record of a trace: a JSON object or a line of a table. The first that is wrong
// sticks, with its place, so that a record is read without asking after every field.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kvstore/base/time.h"
#include "scheduler/simulator/line_reader.h"

namespace cairn {

using TraceJson = nlohmann::json;

// What a reader takes before it says no. The answer names the file and line where it was too much.
struct TraceLimits {
  uint32_t requests_max = 5'000'000;
  uint64_t blocks_max = uint64_t{1} << 28;  // 2 GiB of block ids
  uint32_t tokens_max = 1 << 24;            // of one request, input or output
  int64_t seconds_max = 366 * 86'400;       // from the first request to the last; a pause; a turn
};

// The object that is a line. Errors: InvalidArgument with file and line.
absl::StatusOr<TraceJson> ParseObject(const LineReader& lines, std::string_view line);

class JsonFields {
 public:
  // Errors call its fields `path` + name. `lines` and `object` outlive it.
  JsonFields(const LineReader& lines, const TraceJson& object, std::string path = "")
      : lines_(lines), object_(object), path_(std::move(path)) {}

  // A field that is null counts as absent.
  bool Has(const char* name) const {
    const auto found = object_.find(name);
    return found != object_.end() && !found->is_null();
  }

  // Whole numbers in [min, max]; `min` where the field is wrong.
  uint64_t Count(const char* name, uint64_t min, uint64_t max);
  uint64_t CountOr(const char* name, uint64_t min, uint64_t max, uint64_t absent);
  // A time of at least 0 in units of `unit`, at most `seconds_max`; 0 where the field is wrong.
  Duration Time(const char* name, Duration unit, int64_t seconds_max);
  Duration TimeOr(const char* name, Duration unit, int64_t seconds_max, Duration absent);
  // Null where the field is absent or of another kind, which is wrong.
  const TraceJson* Array(const char* name);
  std::string_view Text(const char* name);

  // For what a caller finds wrong itself.
  void Wrong(std::string_view name, std::string_view what);
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

 private:
  const TraceJson* Find(const char* name);

  const LineReader& lines_;
  const TraceJson& object_;
  std::string path_;
  absl::Status status_;
};

// A number in [min, max], "nan" refused, or nothing.
std::optional<double> ParseNumber(std::string_view text, double min, double max);

// seconds * unit in nanoseconds, rounded. REQUIRES: the result is below 2^62 ns.
Duration DurationOf(double count, Duration unit);

// The cells of a line of comma-separated values. Cells may stand in double quotes, without line
// ends in them.
std::vector<std::string> SplitCells(std::string_view line);

// "Context Tokens" -> "contexttokens": how columns are compared.
std::string ColumnName(std::string_view cell);

}  // namespace cairn
