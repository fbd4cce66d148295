#include "scheduler/simulator/trace_reader.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/simulator/arrival_csv.h"
#include "scheduler/simulator/recorded_trace.h"

namespace cairn {
namespace {

constexpr std::array<TraceFormat, 5> kFormats = {TraceFormat::kMooncake, TraceFormat::kSessions,
                                                 TraceFormat::kArrivals, TraceFormat::kServeGen,
                                                 TraceFormat::kRecorded};

absl::StatusOr<TraceFormat> FormatOfObject(const LineReader& lines, std::string_view line) {
  const absl::StatusOr<TraceJson> object = ParseObject(lines, line);
  if (!object.ok()) return object.status();
  const JsonFields fields(lines, *object);
  if (fields.Has("cairn_trace")) return TraceFormat::kRecorded;
  if (fields.Has("hash_ids")) return TraceFormat::kMooncake;
  if (fields.Has("req") && fields.Has("bs")) return TraceFormat::kSessions;
  return lines.Error("",
                     "JSON, but of no trace known here: no cairn_trace, hash_ids, or req and bs");
}

absl::StatusOr<TraceFormat> FormatOfLine(const LineReader& lines, std::string_view line) {
  if (line[line.find_first_not_of(" \t")] == '{') return FormatOfObject(lines, line);
  if (IsServeGenHeader(line)) return TraceFormat::kServeGen;
  if (IsArrivalHeader(line)) return TraceFormat::kArrivals;
  if (line.find("in_q50") != std::string_view::npos) {
    return lines.Error("", "lengths of ServeGen's clients: name the file with their rates instead");
  }
  return lines.Error("", "neither JSON nor the column names of a trace known here");
}

absl::StatusOr<Trace> ReadServeGen(LineReader& rates, const TraceReadOptions& options,
                                   const OpenLengths& open_lengths) {
  std::string name;
  absl::StatusOr<std::unique_ptr<ByteSource>> source(nullptr);
  if (open_lengths) source = open_lengths(name);
  if (!source.ok()) return source.status();
  if (*source == nullptr) {
    return absl::InvalidArgumentError(
        rates.file() + ": ServeGen's rates come without lengths: name their table too (--lengths)");
  }
  LineReader lengths(name, **source, options.lines);
  return ReadServeGenTrace(rates, lengths, options.block_tokens, options.servegen, options.limits);
}

absl::StatusOr<Trace> ReadAs(TraceFormat format, LineReader& lines, const TraceReadOptions& options,
                             const OpenLengths& open_lengths) {
  switch (format) {
    case TraceFormat::kMooncake:
      return ReadMooncakeTrace(lines, options.block_tokens, options.limits);
    case TraceFormat::kSessions:
      return ReadSessionTrace(lines, options.sessions, options.limits);
    case TraceFormat::kArrivals:
      return ReadArrivalCsv(lines, options.block_tokens, options.limits);
    case TraceFormat::kServeGen:
      return ReadServeGen(lines, options, open_lengths);
    case TraceFormat::kRecorded:
      return ReadRecordedTrace(lines, options.limits);
  }
  return absl::InternalError("no such format");
}

}  // namespace

std::string_view NameOf(TraceFormat format) {
  switch (format) {
    case TraceFormat::kMooncake:
      return "mooncake";
    case TraceFormat::kSessions:
      return "sessions";
    case TraceFormat::kArrivals:
      return "arrivals";
    case TraceFormat::kServeGen:
      return "servegen";
    case TraceFormat::kRecorded:
      return "recorded";
  }
  return "?";
}

std::span<const TraceFormat> AllTraceFormats() { return kFormats; }

absl::StatusOr<TraceFormat> ParseTraceFormat(std::string_view name) {
  std::string known;
  for (const TraceFormat format : kFormats) {
    if (name == NameOf(format)) return format;
    absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(NameOf(format)));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no trace format '", std::string(name), "': one of ", known));
}

absl::StatusOr<Trace> ReadTrace(const std::string& file, ByteSource& source,
                                const TraceReadOptions& options, const OpenLengths& open_lengths) {
  if (options.block_tokens == 0) return absl::InvalidArgumentError("a block of no tokens");
  LineReader lines(file, source, options.lines);
  const auto first = lines.Next();
  if (!first.ok()) return first.status();
  if (!first->has_value()) return absl::InvalidArgumentError(file + ": empty");
  lines.PutBack();
  TraceFormat format{};
  if (options.format.has_value()) {
    format = *options.format;
  } else {
    const absl::StatusOr<TraceFormat> found = FormatOfLine(lines, **first);
    if (!found.ok()) return found.status();
    format = *found;
  }
  absl::StatusOr<Trace> trace = ReadAs(format, lines, options, open_lengths);
  if (!trace.ok()) return trace;
  if (absl::Status check = CheckTrace(*trace); !check.ok()) return check;
  return trace;
}

}  // namespace cairn
