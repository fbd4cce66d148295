#include "scheduler/simulator/recorded_trace.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "scheduler/simulator/trace_builder.h"

namespace cairn {
namespace {

constexpr size_t kIdDigits = 16;
constexpr uint32_t kBlockTokensMax = 1 << 20;
constexpr uint32_t kClassesMax = 64;
constexpr uint64_t kIndexMax = 1u << 30;  // sessions, turns, tenants

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void ReadBlocks(JsonFields& fields, uint32_t block_tokens, TraceRequest& request) {
  if (!fields.Has("blocks")) return;
  const std::string_view digits = fields.Text("blocks");
  const uint64_t blocks_max = (uint64_t{request.input_tokens} + block_tokens - 1) / block_tokens;
  if (digits.size() % kIdDigits != 0) return fields.Wrong("blocks", "not 16 digits a block");
  if (digits.size() / kIdDigits > blocks_max) {
    return fields.Wrong("blocks", absl::StrCat("more than ", request.input_tokens, " tokens fill"));
  }
  request.blocks.reserve(digits.size() / kIdDigits);
  uint64_t id = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const int value = HexValue(digits[i]);
    if (value < 0) return fields.Wrong("blocks", "not hexadecimal");
    id = (id << 4) | static_cast<uint64_t>(value);
    if (i % kIdDigits == kIdDigits - 1) request.blocks.push_back(id);
  }
}

// Turns of sessions, to find who waited for whom.
class TurnIndex {
 public:
  // Sets `previous` of the request that will be `index`th.
  void Link(JsonFields& fields, uint32_t index, TraceRequest& request) {
    if (fields.Has("previous")) {
      const uint64_t turn = fields.Count("previous", 0, kIndexMax);
      const auto found = turns_.find({request.session, static_cast<uint32_t>(turn)});
      if (found == turns_.end()) {
        fields.Wrong("previous", "no earlier line has that turn of the session");
      } else if (found->second.arrival > request.arrival) {
        fields.Wrong("previous", "that turn arrives later");
      } else {
        request.previous = found->second.index;
      }
    }
    turns_[{request.session, request.turn}] = {index, request.arrival};
  }

 private:
  struct Turn {
    uint32_t index = 0;
    Instant arrival;
  };
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, Turn> turns_;
};

// Classes by the order in which they are first named, from 1.
class ClassIndex {
 public:
  uint32_t NumberOf(std::string_view name) {
    const auto found = std::ranges::find(names_, name);
    if (found != names_.end()) return static_cast<uint32_t>(found - names_.begin() + 1);
    names_.emplace_back(name);
    return static_cast<uint32_t>(names_.size());
  }
  std::vector<std::string> TakeNames() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
};

bool IsClassName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
}

TraceRequest ReadRequest(JsonFields& fields, uint32_t block_tokens, uint32_t index,
                         const TraceLimits& limits, ClassIndex& classes) {
  TraceRequest request;
  request.arrival = Instant() + fields.Time("arrival_ns", Nanoseconds(1), limits.seconds_max);
  request.input_tokens = static_cast<uint32_t>(fields.Count("input_tokens", 1, limits.tokens_max));
  request.output_tokens =
      std::max(1u, static_cast<uint32_t>(fields.Count("output_tokens", 0, limits.tokens_max)));
  ReadBlocks(fields, block_tokens, request);
  request.session = static_cast<uint32_t>(fields.CountOr("session", 0, kIndexMax, index));
  request.turn = static_cast<uint32_t>(fields.CountOr("turn", 0, kIndexMax, 0));
  request.tenant = static_cast<uint32_t>(fields.CountOr("tenant", 0, kIndexMax, 0));
  if (fields.Has("class")) {
    const std::string_view name = fields.Text("class");
    if (!IsClassName(name)) fields.Wrong("class", "not a name of 1 to 64 letters, digits, - and _");
    request.latency_class = classes.NumberOf(name);
    if (request.latency_class > kClassesMax) {
      fields.Wrong("class", absl::StrCat("more than ", kClassesMax, " classes"));
    }
  }
  request.think = fields.TimeOr("think_ns", Nanoseconds(1), limits.seconds_max, Duration());
  return request;
}

absl::StatusOr<uint32_t> ReadHead(LineReader& lines) {
  const auto line = lines.Next();
  if (!line.ok()) return line.status();
  if (!line->has_value()) return absl::InvalidArgumentError(lines.file() + ": empty");
  const absl::StatusOr<TraceJson> object = ParseObject(lines, **line);
  if (!object.ok()) return object.status();
  JsonFields fields(lines, *object);
  fields.Count("cairn_trace", 1, 1);
  const uint64_t block_tokens = fields.Count("block_tokens", 1, kBlockTokensMax);
  if (!fields.ok()) return fields.status();
  return static_cast<uint32_t>(block_tokens);
}

}  // namespace

std::string RecordedHead(uint32_t block_tokens) {
  return absl::StrCat("{\"cairn_trace\":1,\"block_tokens\":", block_tokens, "}\n");
}

std::string RecordedLine(const Trace& trace, const TraceRequest& request) {
  std::optional<uint32_t> previous;
  if (request.previous.has_value()) previous = trace.requests[*request.previous].turn;
  return RecordedLine(request, previous, ClassOf(trace, request), "");
}

std::string RecordedLine(const TraceRequest& request, std::optional<uint32_t> previous,
                         std::string_view latency_class, std::string_view more) {
  std::string line = absl::StrCat(
      "{\"arrival_ns\":", request.arrival.nanoseconds(), ",\"input_tokens\":", request.input_tokens,
      ",\"output_tokens\":", request.output_tokens, ",\"session\":", request.session);
  if (request.turn != 0) absl::StrAppend(&line, ",\"turn\":", request.turn);
  if (previous) {
    absl::StrAppend(&line, ",\"previous\":", *previous,
                    ",\"think_ns\":", request.think.nanoseconds());
  }
  if (request.tenant != 0) absl::StrAppend(&line, ",\"tenant\":", request.tenant);
  if (!latency_class.empty()) {
    absl::StrAppend(&line, ",\"class\":\"", std::string(latency_class), "\"");
  }
  absl::StrAppend(&line, ",\"blocks\":\"");
  for (const uint64_t id : request.blocks) absl::StrAppendFormat(&line, "%016x", id);
  absl::StrAppend(&line, "\"", std::string(more), "}\n");
  return line;
}

absl::StatusOr<Trace> ReadRecordedTrace(LineReader& lines, const TraceLimits& limits) {
  const absl::StatusOr<uint32_t> block_tokens = ReadHead(lines);
  if (!block_tokens.ok()) return block_tokens.status();
  TraceBuilder builder(limits, *block_tokens);
  TurnIndex turns;
  ClassIndex classes;
  bool cut_off = false;
  while (true) {
    const auto line = lines.Next();
    if (!line.ok()) return line.status();
    if (!line->has_value()) break;
    const absl::StatusOr<TraceJson> object = ParseObject(lines, **line);
    if (!object.ok() && lines.unfinished()) {
      cut_off = true;
      break;
    }
    if (!object.ok()) return object.status();
    JsonFields fields(lines, *object);
    TraceRequest request = ReadRequest(fields, *block_tokens, builder.size(), limits, classes);
    if (fields.ok()) turns.Link(fields, builder.size(), request);
    if (!fields.ok()) return fields.status();
    if (absl::Status added = builder.Add(lines, std::move(request)); !added.ok()) return added;
  }
  absl::StatusOr<Trace> trace = std::move(builder).Finish(lines, "recorded by cairn");
  if (trace.ok()) trace->classes = classes.TakeNames();
  if (trace.ok() && cut_off) trace->history.push_back("left out the last line, which was cut off");
  return trace;
}

}  // namespace cairn
