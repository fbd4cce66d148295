#include "scheduler/simulator/session_trace.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "kvstore/base/prng.h"
#include "scheduler/simulator/trace_builder.h"

namespace cairn {
namespace {

constexpr uint64_t kLocalIdMax = (uint64_t{1} << 40) - 1;  // below the session's number
constexpr uint64_t kSharedId = uint64_t{1} << 63;          // ids of shared heads

// Who ended when, as recorded, in time since the session's start.
struct Ended {
  uint32_t index = 0;
  Duration at;
};

// One line.
class SessionReader {
 public:
  SessionReader(const LineReader& lines, const SessionTraceOptions& options,
                const TraceLimits& limits, uint32_t session, uint32_t tenant, TraceBuilder& builder)
      : lines_(lines),
        options_(options),
        limits_(limits),
        session_(session),
        tenant_(tenant),
        builder_(builder) {}

  absl::Status Read(JsonFields& fields, uint32_t block_tokens);

 private:
  // The turns of the session or of one of its sub-agents: each keeps blocks of the one before.
  struct Talk {
    uint64_t tool_tokens = 0;
    uint64_t head_tokens = 0;  // tool and system text
    std::vector<uint64_t> local_ids;
  };

  Talk TalkOf(JsonFields& fields) const;
  absl::Status ReadTurn(JsonFields& fields, Talk& talk);
  absl::Status ReadMainTurn(JsonFields& fields, Talk& talk);
  absl::Status ReadSubAgent(JsonFields& fields);
  void FollowMainTurn(Duration began);
  void ReadBlocks(JsonFields& fields, uint32_t input_tokens, Talk& talk) const;
  uint64_t GlobalId(uint64_t local) const;
  void ShareHead(const Talk& talk);

  const LineReader& lines_;
  const SessionTraceOptions& options_;
  const TraceLimits& limits_;
  uint32_t session_;
  uint32_t tenant_;
  TraceBuilder& builder_;

  uint32_t block_tokens_ = 0;
  uint32_t turn_ = 0;
  std::vector<Ended> main_turns_;
  std::optional<Ended> last_sub_agent_;  // since the last main turn
  // Set by whoever reads a turn before it reads it.
  std::optional<uint32_t> previous_;
  Duration think_;
  absl::flat_hash_map<uint64_t, uint64_t> shared_ids_;  // local id -> shared id
};

uint64_t SessionReader::GlobalId(uint64_t local) const {
  const auto shared = shared_ids_.find(local);
  if (shared != shared_ids_.end()) return shared->second;
  // The session's number is 23 bits, so that the highest bit stays free.
  return (uint64_t{session_} << 40) | local;
}

// The head of a talk's first turn is what other sessions with the same sizes have too.
void SessionReader::ShareHead(const Talk& talk) {
  const uint64_t tool = SplitMix64(talk.tool_tokens);
  const uint64_t head = SplitMix64(tool ^ talk.head_tokens);
  for (uint64_t i = 0; i < talk.local_ids.size(); ++i) {
    const uint64_t end = (i + 1) * block_tokens_;
    if (end > talk.head_tokens) return;
    const uint64_t of = end <= talk.tool_tokens ? tool : head;
    shared_ids_.try_emplace(talk.local_ids[i], kSharedId | SplitMix64(of + i));
  }
}

void SessionReader::ReadBlocks(JsonFields& fields, uint32_t input_tokens, Talk& talk) const {
  const uint64_t blocks_max = (uint64_t{input_tokens} + block_tokens_ - 1) / block_tokens_;
  const uint64_t keep_max = std::min<uint64_t>(blocks_max, talk.local_ids.size());
  talk.local_ids.resize(fields.Count("keep", 0, keep_max));
  if (!fields.Has("new")) return;
  const TraceJson* runs = fields.Array("new");
  if (runs == nullptr) return;
  if (runs->size() % 2 != 0) return fields.Wrong("new", "a start without its count");
  for (size_t i = 0; i < runs->size(); i += 2) {
    const TraceJson& start = (*runs)[i];
    const TraceJson& count = (*runs)[i + 1];
    if (!start.is_number_unsigned() || !count.is_number_unsigned()) {
      return fields.Wrong("new", "not a list of whole numbers");
    }
    const uint64_t first = start.get<uint64_t>();
    const uint64_t length = count.get<uint64_t>();
    if (length > blocks_max || talk.local_ids.size() + length > blocks_max) {
      return fields.Wrong("new", absl::StrCat("more blocks of ", block_tokens_, " tokens than ",
                                              input_tokens, " tokens fill"));
    }
    if (first > kLocalIdMax - length) return fields.Wrong("new", "a block id over 2^40");
    for (uint64_t id = first; id < first + length; ++id) talk.local_ids.push_back(id);
  }
}

absl::Status SessionReader::ReadTurn(JsonFields& fields, Talk& talk) {
  TraceRequest request;
  request.input_tokens = static_cast<uint32_t>(fields.Count("in", 1, limits_.tokens_max));
  request.output_tokens =
      std::max(1u, static_cast<uint32_t>(fields.Count("out", 0, limits_.tokens_max)));
  const bool first = talk.local_ids.empty();
  ReadBlocks(fields, request.input_tokens, talk);
  if (!fields.ok()) return fields.status();
  if (first && options_.share_heads) ShareHead(talk);
  request.blocks.reserve(talk.local_ids.size());
  for (const uint64_t id : talk.local_ids) request.blocks.push_back(GlobalId(id));
  request.session = session_;
  request.tenant = tenant_;
  request.turn = turn_++;
  request.previous = previous_;
  if (previous_.has_value()) request.think = think_;
  return builder_.Add(lines_, std::move(request));
}

absl::Status SessionReader::ReadMainTurn(JsonFields& fields, Talk& talk) {
  const Duration at = fields.Time("t", Seconds(1), limits_.seconds_max);
  const Duration answered = fields.TimeOr("api", Seconds(1), limits_.seconds_max, Duration());
  previous_.reset();
  if (!main_turns_.empty()) {
    previous_ = main_turns_.back().index;
    const Duration pause = std::max(Duration(), at - main_turns_.back().at);
    think_ = fields.TimeOr("think", Seconds(1), limits_.seconds_max, pause);
    if (last_sub_agent_.has_value() && last_sub_agent_->at > main_turns_.back().at &&
        last_sub_agent_->at <= at) {
      previous_ = last_sub_agent_->index;
      think_ = at - last_sub_agent_->at;
    }
  }
  last_sub_agent_.reset();
  if (absl::Status read = ReadTurn(fields, talk); !read.ok()) return read;
  main_turns_.push_back({builder_.size() - 1, at + answered});
  return absl::OkStatus();
}

// The last main turn that had ended when a sub-agent began, and the pause in between.
void SessionReader::FollowMainTurn(Duration began) {
  previous_.reset();
  think_ = Duration();
  for (size_t i = main_turns_.size(); i-- > 0 && !previous_.has_value();) {
    // A second of tolerance: recorded times are rounded to one.
    if (main_turns_[i].at > began + Seconds(1) && i > 0) continue;
    previous_ = main_turns_[i].index;
    think_ = std::max(Duration(), began - main_turns_[i].at);
  }
}

absl::Status SessionReader::ReadSubAgent(JsonFields& fields) {
  const Duration at = fields.Time("t", Seconds(1), limits_.seconds_max);
  const bool background = !fields.Has("dur_ms");
  const Duration took = fields.TimeOr("dur_ms", Milliseconds(1), limits_.seconds_max, Duration());
  const TraceJson* turns = fields.Array("req");
  Talk talk = TalkOf(fields);
  if (!fields.ok()) return fields.status();
  const uint32_t first = builder_.size();
  FollowMainTurn(at - took);
  Duration last_turn_ended;  // since the sub-agent began
  for (size_t i = 0; i < turns->size(); ++i) {
    if (!(*turns)[i].is_object()) fields.Wrong("req", "not a list of objects");
    if (!fields.ok()) return fields.status();
    JsonFields turn(lines_, (*turns)[i], absl::StrCat("sub-agent's req[", i, "]."));
    const Duration turn_at = turn.Time("t", Seconds(1), limits_.seconds_max);
    if (i > 0) {
      const Duration pause = std::max(Duration(), turn_at - last_turn_ended);
      previous_ = builder_.size() - 1;
      think_ = turn.TimeOr("think", Seconds(1), limits_.seconds_max, pause);
    }
    last_turn_ended = turn_at + turn.TimeOr("api", Seconds(1), limits_.seconds_max, Duration());
    if (absl::Status read = ReadTurn(turn, talk); !read.ok()) return read;
  }
  if (builder_.size() == first) return absl::OkStatus();
  const Duration ended = background ? at + last_turn_ended : at;
  if (!last_sub_agent_.has_value() || ended >= last_sub_agent_->at) {
    last_sub_agent_ = {builder_.size() - 1, ended};
  }
  return absl::OkStatus();
}

SessionReader::Talk SessionReader::TalkOf(JsonFields& fields) const {
  Talk talk;
  talk.tool_tokens = fields.CountOr("tool", 0, limits_.tokens_max, 0);
  talk.head_tokens = talk.tool_tokens + fields.CountOr("sys", 0, limits_.tokens_max, 0);
  return talk;
}

absl::Status SessionReader::Read(JsonFields& fields, uint32_t block_tokens) {
  block_tokens_ = block_tokens;
  Talk talk = TalkOf(fields);
  const TraceJson* entries = fields.Array("req");
  if (!fields.ok()) return fields.status();
  for (size_t i = 0; i < entries->size(); ++i) {
    const TraceJson& entry = (*entries)[i];
    if (!entry.is_object()) {
      fields.Wrong("req", "not a list of objects");
      return fields.status();
    }
    JsonFields entry_fields(lines_, entry, absl::StrCat("req[", i, "]."));
    const absl::Status read =
        entry_fields.Has("req") ? ReadSubAgent(entry_fields) : ReadMainTurn(entry_fields, talk);
    if (!read.ok()) return read;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Trace> ReadSessionTrace(LineReader& lines, const SessionTraceOptions& options,
                                       const TraceLimits& limits) {
  constexpr uint64_t kSessionsMax = uint64_t{1} << 23;
  constexpr uint32_t kBlockTokensMax = 1 << 20;
  std::optional<TraceBuilder> builder;
  absl::flat_hash_map<std::string, uint32_t> tenants;
  uint32_t block_tokens = 0;
  for (uint32_t session = 0;; ++session) {
    const auto line = lines.Next();
    if (!line.ok()) return line.status();
    if (!line->has_value()) break;
    const absl::StatusOr<TraceJson> object = ParseObject(lines, **line);
    if (!object.ok()) return object.status();
    JsonFields fields(lines, *object);
    const auto size = static_cast<uint32_t>(fields.Count("bs", 1, kBlockTokensMax));
    if (!builder.has_value()) builder.emplace(limits, block_tokens = size);
    if (size != block_tokens) fields.Wrong("bs", "differs from the first line's");
    if (session >= kSessionsMax) fields.Wrong("id", "over 2^23 sessions");
    const std::string group(fields.Text("group"));
    if (!fields.ok()) return fields.status();
    const auto tenant = tenants.try_emplace(group, static_cast<uint32_t>(tenants.size()));
    SessionReader reader(lines, options, limits, session, tenant.first->second, *builder);
    if (absl::Status read = reader.Read(fields, block_tokens); !read.ok()) return read;
  }
  if (!builder.has_value()) return absl::InvalidArgumentError(lines.file() + ": no sessions in it");
  absl::StatusOr<Trace> trace = std::move(*builder).Finish(lines, "sessions");
  if (!trace.ok()) return trace;
  trace->history.push_back(
      options.share_heads ? "sessions with tool and system text of equal sizes share their heads"
                          : "sessions share nothing with each other");
  return trace;
}

}  // namespace cairn
