#include "deploy/cli/trace_recording.h"

#include <utility>
#include <vector>

#include "deploy/cli/options.h"
#include "scheduler/ingress/json_text.h"
#include "scheduler/shell/recording_port.h"
#include "scheduler/shell/trace_log.h"

namespace cairn {
namespace {

std::string TextOf(const ServedModel& model, const std::vector<TokenId>& tokens) {
  std::string text;
  const auto stream = model.text->NewStream(false);
  for (const TokenId token : tokens) stream->Feed(token, text);
  stream->Finish(text);
  return JsonString(text);
}

}  // namespace

void AddTraceRecordingFlags(CLI::App& app, TraceRecordingFlags& flags) {
  constexpr char kGroup[] = "Trace";
  app.add_option(
         "--record-trace", flags.file,
         "file for a trace of what is served: times, lengths, which prompts begin alike; no text")
      ->type_name("FILE")
      ->group(kGroup);
  AddSwitch(app, "record-trace-text", flags.with_text, "adds the text of prompts and answers")
      ->group(kGroup);
  AddSize(app, "--record-trace-max", flags.bytes_max,
          "longer, and it becomes FILE.1 and a new one begins")
      ->group(kGroup);
}

absl::StatusOr<std::unique_ptr<GenerationPort>> StartTraceRecording(
    const TraceRecordingFlags& flags, GenerationPort& port, const Clock& clock,
    uint32_t block_tokens, std::shared_ptr<const ServedModel> model) {
  if (flags.file.empty()) return nullptr;
  TraceLog::MoreFields more;
  if (flags.with_text) {
    more = [model = std::move(model)](const ServedRequest& served) {
      return ",\"prompt\":" + TextOf(*model, served.prompt) +
             ",\"output\":" + TextOf(*model, served.output);
    };
  }
  absl::StatusOr<std::unique_ptr<TraceLog>> log =
      TraceLog::Open({.path = flags.file, .bytes_max = flags.bytes_max},
                     TraceScribe({}, block_tokens, clock.Now()), std::move(more));
  if (!log.ok()) return log.status();
  return std::make_unique<RecordingPort>(port, *std::move(log), clock, flags.with_text);
}

}  // namespace cairn
