// A model's words for the front doors: its tokenizer and its chat template.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/ingress/served_model.h"
#include "scheduler/tokenizer/chat_template.h"
#include "scheduler/tokenizer/tokenizer.h"

namespace cairn {

// `chat` holds the template, or why chat on this model is refused.
std::shared_ptr<const ModelText> MakeTokenizerText(
    std::shared_ptr<const Tokenizer> tokenizer,
    absl::StatusOr<std::shared_ptr<const ChatTemplate>> chat);

}  // namespace cairn
