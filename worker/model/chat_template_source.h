// The chat template that comes with a model file, as text.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/model/weight_file.h"

namespace cairn {

// GGUF: tokenizer.chat_template. A safetensors folder: chat_template.jinja, else `chat_template` of
// tokenizer_config.json (its "default" one where there are several).
// NOT_FOUND if the model has none; INVALID_ARGUMENT that names the value if it is not text.
absl::StatusOr<std::string> ReadChatTemplate(const WeightFile& file);

}  // namespace cairn
