#include "scheduler/simulator/mooncake_trace.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/simulator/trace_builder.h"

namespace cairn {
namespace {

void ReadBlocks(JsonFields& fields, uint32_t block_tokens, TraceRequest& request) {
  const TraceJson* ids = fields.Array("hash_ids");
  if (ids == nullptr) return;
  const uint64_t blocks_max = (uint64_t{request.input_tokens} + block_tokens - 1) / block_tokens;
  if (ids->size() > blocks_max) {
    fields.Wrong("hash_ids", absl::StrCat(ids->size(), " blocks of ", block_tokens, " tokens for ",
                                          request.input_tokens, " tokens"));
    return;
  }
  request.blocks.reserve(ids->size());
  for (const TraceJson& id : *ids) {
    if (!id.is_number_unsigned()) return fields.Wrong("hash_ids", "not a list of whole numbers");
    request.blocks.push_back(id.get<uint64_t>());
  }
}

}  // namespace

absl::StatusOr<Trace> ReadMooncakeTrace(LineReader& lines, uint32_t block_tokens,
                                        const TraceLimits& limits) {
  TraceBuilder builder(limits, block_tokens);
  while (true) {
    const auto line = lines.Next();
    if (!line.ok()) return line.status();
    if (!line->has_value()) break;
    const absl::StatusOr<TraceJson> object = ParseObject(lines, **line);
    if (!object.ok()) return object.status();
    JsonFields fields(lines, *object);
    TraceRequest request;
    request.arrival = Instant() + fields.Time("timestamp", Milliseconds(1), limits.seconds_max);
    request.input_tokens =
        static_cast<uint32_t>(fields.Count("input_length", 1, limits.tokens_max));
    // An answer of nothing still took the step that found its end.
    request.output_tokens =
        std::max(1u, static_cast<uint32_t>(fields.Count("output_length", 0, limits.tokens_max)));
    ReadBlocks(fields, block_tokens, request);
    if (!fields.ok()) return fields.status();
    request.session = builder.size();
    if (absl::Status added = builder.Add(lines, std::move(request)); !added.ok()) return added;
  }
  return std::move(builder).Finish(lines, "mooncake");
}

}  // namespace cairn
