// OpenAI's request bodies to what the scheduler understands. Pure: a document goes in, a call or
// the name of the field that is wrong comes out. A field that OpenAI or vLLM knows and we do not
// support is refused by name unless it asks for nothing; a field nobody knows is passed over and
// listed.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/generation.h"
#include "scheduler/ingress/choice_text.h"
#include "scheduler/ingress/served_model.h"

namespace cairn {

enum class OpenAiEndpoint : uint8_t { kChat, kCompletions };

struct CallLimits {
  uint32_t choices = 64;  // n times the number of prompts
  uint32_t stop_strings = 16;
  uint32_t stop_string_bytes = 1024;
  uint32_t stop_tokens = 64;
  uint32_t messages = 4096;
  uint32_t cache_salt_bytes = 256;
};

// One call of one client: one generation request for each prompt, all with the same options.
struct OpenAiCall {
  OpenAiEndpoint endpoint = OpenAiEndpoint::kChat;
  std::vector<std::vector<TokenId>> prompts;  // at least one, each of at least one token
  GenerationRequest options;                  // without id and prompt
  std::shared_ptr<const StopStrings> stops;   // null: none
  bool stream = false;
  bool stream_usage = false;
  bool skip_special_tokens = true;
  bool wants_logprobs = false;
  std::vector<std::string> ignored_fields;
  size_t choices() const { return prompts.size() * options.choices; }
};

// How the call's tokens become text.
std::shared_ptr<const TextRules> RulesOf(const OpenAiCall& call);

// The `model` field; empty if there is none. InvalidArgument: it is no text.
absl::StatusOr<std::string> RequestedModel(const nlohmann::ordered_json& body);

// `fallback_seed` is used when the client gives none.
absl::StatusOr<OpenAiCall> ReadOpenAiCall(OpenAiEndpoint endpoint,
                                          const nlohmann::ordered_json& body,
                                          const ServedModel& model, const CallLimits& limits,
                                          uint64_t fallback_seed);

// Does every message have a known role and content we can render? Joins parts of type "text";
// anything else (images, audio) is refused by name.
absl::StatusOr<nlohmann::ordered_json> ReadMessages(const nlohmann::ordered_json& messages,
                                                    const CallLimits& limits);

// InvalidArgument with code context_length_exceeded if prompt and answer do not fit; otherwise
// max_tokens, or all that is left where `max_tokens` is 0 (not given).
absl::StatusOr<uint32_t> FitContext(size_t prompt_tokens, uint32_t max_tokens,
                                    const ServedModel& model);

}  // namespace cairn
