#include "scheduler/ingress/grpc_request.h"

#include <nlohmann/json.hpp>
#include <string>

#include "scheduler/ingress/json_document.h"
#include "scheduler/ingress/service_terms.h"
#include "scheduler/ingress/status_map.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

using Json = nlohmann::ordered_json;

absl::Status PutChat(const v1::Chat& chat, Json& body) {
  Json messages = Json::array();
  for (const v1::Message& message : chat.messages()) {
    messages.push_back({{"role", message.role()}, {"content", message.content()}});
  }
  body["messages"] = std::move(messages);
  for (const std::string& tool : chat.tools_json()) {
    absl::StatusOr<Json> parsed = ParseJson(tool, JsonLimits());
    if (!parsed.ok()) return InvalidField("tools_json", std::string(parsed.status().message()));
    body["tools"].push_back(*std::move(parsed));
  }
  if (!chat.template_arguments_json().empty()) {
    absl::StatusOr<Json> parsed = ParseJson(chat.template_arguments_json(), JsonLimits());
    if (!parsed.ok()) {
      return InvalidField("template_arguments_json", std::string(parsed.status().message()));
    }
    body["chat_template_kwargs"] = *std::move(parsed);
  }
  if (chat.has_add_generation_prompt()) {
    body["add_generation_prompt"] = chat.add_generation_prompt();
  }
  return absl::OkStatus();
}

absl::Status PutPrompt(const v1::GenerateRequest& request, Json& body) {
  switch (request.prompt_case()) {
    case v1::GenerateRequest::kText:
      body["prompt"] = request.text();
      return absl::OkStatus();
    case v1::GenerateRequest::kTokens:
      if (request.tokens().ids().empty()) {
        return InvalidField("tokens", "must be of at least one token");
      }
      body["prompt"] = request.tokens().ids();
      return absl::OkStatus();
    case v1::GenerateRequest::kChat:
      return PutChat(request.chat(), body);
    case v1::GenerateRequest::PROMPT_NOT_SET:
      break;
  }
  return InvalidField("prompt", "is missing: one of text, tokens and chat");
}

void PutSampling(const v1::GenerateRequest& request, Json& body) {
  if (request.has_temperature()) body["temperature"] = request.temperature();
  if (request.has_top_k()) body["top_k"] = request.top_k();
  if (request.has_top_p()) body["top_p"] = request.top_p();
  if (request.has_min_p()) body["min_p"] = request.min_p();
  if (request.has_repetition_penalty()) body["repetition_penalty"] = request.repetition_penalty();
  if (request.has_presence_penalty()) body["presence_penalty"] = request.presence_penalty();
  if (request.has_frequency_penalty()) body["frequency_penalty"] = request.frequency_penalty();
  if (request.has_seed()) body["seed"] = request.seed();
  for (const auto& [token, bias] : request.logit_bias()) {
    body["logit_bias"][std::to_string(token)] = bias;
  }
  if (!request.has_top_logprobs()) return;
  if (request.has_chat()) {
    body["logprobs"] = true;
    body["top_logprobs"] = request.top_logprobs();
  } else {
    body["logprobs"] = request.top_logprobs();
  }
}

void PutLimits(const v1::GenerateRequest& request, Json& body) {
  if (request.has_choices()) body["n"] = request.choices();
  if (request.has_max_tokens()) body["max_tokens"] = request.max_tokens();
  if (request.has_min_tokens()) body["min_tokens"] = request.min_tokens();
  if (!request.stop().empty()) body["stop"] = request.stop();
  if (!request.stop_token_ids().empty()) body["stop_token_ids"] = request.stop_token_ids();
  body["include_stop_str_in_output"] = request.include_stop_in_output();
  body["ignore_eos"] = request.ignore_eos();
  if (request.has_skip_special_tokens()) {
    body["skip_special_tokens"] = request.skip_special_tokens();
  }
  body["cache_salt"] = request.cache_salt();
  body["priority"] = request.priority();
}

absl::Status PutTerms(const v1::GenerateRequest& request, GenerationRequest& options) {
  struct Term {
    const char* field;
    uint32_t ms;
    Duration& value;
  };
  for (const Term& term : {Term{"slo_ttft_ms", request.slo_ttft_ms(), options.slo.ttft},
                           Term{"slo_tpot_ms", request.slo_tpot_ms(), options.slo.tpot},
                           Term{"deadline_ms", request.deadline_ms(), options.deadline}}) {
    if (term.ms > kTermMsMax) {
      return InvalidField(term.field, TextCat("must be at most ", kTermMsMax));
    }
    term.value = Milliseconds(term.ms);
  }
  if (request.session().size() > kSessionBytesMax) {
    return InvalidField("session", TextCat("must be of at most ", kSessionBytesMax, " bytes"));
  }
  options.session = request.session();
  options.latency_class = request.latency_class();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OpenAiCall> ReadGenerateRequest(const v1::GenerateRequest& request,
                                               const ServedModel& model, const CallLimits& limits,
                                               uint64_t fallback_seed) {
  Json body = Json::object();
  if (absl::Status prompt = PutPrompt(request, body); !prompt.ok()) return prompt;
  PutSampling(request, body);
  PutLimits(request, body);
  const OpenAiEndpoint endpoint =
      request.has_chat() ? OpenAiEndpoint::kChat : OpenAiEndpoint::kCompletions;
  absl::StatusOr<OpenAiCall> call = ReadOpenAiCall(endpoint, body, model, limits, fallback_seed);
  if (!call.ok()) return call;
  if (absl::Status terms = PutTerms(request, call->options); !terms.ok()) return terms;
  return call;
}

}  // namespace cairn
