// Generate's message to a call, by way of the document that OpenAI's clients send: one reader, one
// set of ranges, one set of words for what is wrong.
#pragma once

#include "absl/status/statusor.h"
#include "proto/inference.pb.h"
#include "scheduler/ingress/openai_request.h"
#include "scheduler/ingress/served_model.h"

namespace cairn {

absl::StatusOr<OpenAiCall> ReadGenerateRequest(const v1::GenerateRequest& request,
                                               const ServedModel& model, const CallLimits& limits,
                                               uint64_t fallback_seed);

}  // namespace cairn
