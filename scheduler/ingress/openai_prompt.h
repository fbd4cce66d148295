// The prompts of a call: rendered, tokenized, and fitted into the model's context. The expensive
// part of reading a request.
#pragma once

#include <cstdint>

#include "scheduler/ingress/field_reader.h"
#include "scheduler/ingress/openai_request.h"

namespace cairn {

// Fills call.prompts and call.options.max_tokens. Errors go to `fields`. `max_tokens` 0: not given.
void ReadPrompts(FieldReader& fields, const ServedModel& model, const CallLimits& limits,
                 uint32_t max_tokens, OpenAiCall& call);

}  // namespace cairn
