#include "worker/core/request_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cairn {

uint32_t ContextLimit(const WorkerLimits& limits, const StoreLimits& store) {
  const uint64_t capacity = uint64_t{store.device.slots} * store.block_tokens + 1;
  return static_cast<uint32_t>(std::min<uint64_t>(limits.context_length, capacity));
}

std::optional<std::string> Refusal(const GenerationRequest& request, const WorkerLimits& limits,
                                   const StoreLimits& store) {
  if (request.prompt.empty()) return "the prompt has no tokens";
  if (request.choices == 0) return "n must be at least 1";
  if (request.choices > limits.choices_max) {
    return absl::StrCat("n is ", request.choices, "; at most ", limits.choices_max,
                        " choices are made of one request");
  }
  const auto known = [&](TokenId token) {
    return token >= 0 && static_cast<uint32_t>(token) < limits.vocabulary_size;
  };
  if (const auto unknown = std::ranges::find_if_not(request.prompt, known);
      unknown != request.prompt.end()) {
    return absl::StrCat("prompt token ", unknown - request.prompt.begin(), " is ", *unknown,
                        ", outside the vocabulary of ", limits.vocabulary_size);
  }
  if (request.prompt.size() >= limits.context_length) {
    return absl::StrCat("the prompt has ", request.prompt.size(),
                        " tokens and leaves no room in the context of ", limits.context_length);
  }
  if (request.prompt.size() >= ContextLimit(limits, store)) {
    return absl::StrCat(
        "the prompt has ", request.prompt.size(), " tokens, but the KV budget holds ",
        uint64_t{store.device.slots} * store.block_tokens, "; give the worker more memory for KV");
  }
  return std::nullopt;
}

std::optional<std::string> ResumeRefusal(const Assign& assign, const WorkerLimits& limits) {
  if (assign.resume.empty()) return std::nullopt;
  if (assign.resume.size() != assign.request.choices) {
    return absl::StrCat("the request resumes ", assign.resume.size(), " choices of ",
                        assign.request.choices);
  }
  for (const ResumedChoice& choice : assign.resume) {
    for (const TokenId token : choice.tokens) {
      if (token >= 0 && static_cast<uint32_t>(token) < limits.vocabulary_size) continue;
      return absl::StrCat("resumed token ", token, " is outside the vocabulary of ",
                          limits.vocabulary_size);
    }
  }
  return std::nullopt;
}

GenerationRequest Fitted(GenerationRequest request, uint32_t context_limit) {
  const uint32_t room = context_limit - static_cast<uint32_t>(request.prompt.size());
  request.max_tokens = std::min(request.max_tokens, room);
  request.min_tokens = std::min(request.min_tokens, request.max_tokens);
  return request;
}

}  // namespace cairn
