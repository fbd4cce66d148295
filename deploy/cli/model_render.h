// `cairn model render MODEL`: a chat request (JSON) on standard input to the prompt that the
// model's chat template makes of it.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/cli/options.h"
#include "scheduler/tokenizer/chat_template.h"

namespace cairn {

void AddModelRender(CLI::App& model);

// The fields messages, tools, documents, add_generation_prompt and chat_template_kwargs of a chat
// request; all others are ignored. INVALID_ARGUMENT: not JSON, or a field of the wrong type.
absl::StatusOr<ChatTemplateInput> ReadRenderRequest(std::string_view json);

// The prompt's text; as JSON {"prompt": ..., "segments": [{"text", "special"}, ...]}.
std::string ShowPrompt(const std::vector<TextSegment>& segments, OutputFormat format);

}  // namespace cairn
