// `cairn up --record-trace FILE`: what is served, as a trace that `cairn trace describe` and `cairn
// simulate` read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kvstore/base/clock.h"
#include "scheduler/ingress/generation_port.h"
#include "scheduler/ingress/served_model.h"

namespace CLI {
class App;  // a large header, which only those include who add options
}

namespace cairn {

struct TraceRecordingFlags {
  std::string file;  // empty: nothing is recorded
  bool with_text = false;
  uint64_t bytes_max = uint64_t{1} << 30;
};

void AddTraceRecordingFlags(CLI::App& app, TraceRecordingFlags& flags);

// A port that passes everything on to `port` and records it. Null: nothing is to be recorded.
absl::StatusOr<std::unique_ptr<GenerationPort>> StartTraceRecording(
    const TraceRecordingFlags& flags, GenerationPort& port, const Clock& clock,
    uint32_t block_tokens, std::shared_ptr<const ServedModel> model);

}  // namespace cairn
