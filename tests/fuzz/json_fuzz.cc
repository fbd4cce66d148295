// Any body to a call and an answer: what is accepted obeys its ranges, and what is answered is
// JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "kvstore/base/check.h"
#include "scheduler/ingress/json_document.h"
#include "scheduler/ingress/openai_answer.h"
#include "scheduler/ingress/openai_request.h"
#include "scheduler/ingress/status_map.h"
#include "tests/scheduler/letter_model.h"

namespace cairn {
namespace {

void CheckEvents(const std::string& events) {
  size_t at = 0;
  while (at < events.size()) {
    CAIRN_CHECK_EQ(events.compare(at, 6, "data: "), 0);
    const size_t end = events.find("\n\n", at);
    CAIRN_CHECK(end != std::string::npos);
    const std::string data = events.substr(at + 6, end - at - 6);
    CAIRN_CHECK(data == "[DONE]" || nlohmann::json::accept(data));
    at = end + 2;
  }
}

void Answer(const OpenAiCall& call, const std::shared_ptr<const ServedModel>& model,
            std::string_view tokens) {
  OpenAiAnswer answer(call, model, "1", 0);
  std::string events;
  for (size_t p = 0; p < call.prompts.size(); ++p) {
    answer.PrefillDone(p, {.prompt_tokens = static_cast<uint32_t>(call.prompts[p].size())});
    for (uint32_t c = 0; c < call.options.choices; ++c) {
      for (const char byte : tokens.substr(0, 32)) {
        const SampledToken token{.token = static_cast<uint8_t>(byte), .logprob = -1.5f};
        if (answer.AddToken(p, c, token) == OpenAiAnswer::TokenOutcome::kStopStringFound) break;
        if (call.stream) answer.TakeEvents(events);
      }
      answer.EndChoice(p, c, FinishReason::kLength, "");
    }
  }
  CAIRN_CHECK(answer.complete());
  if (call.stream) {
    answer.TakeEvents(events);
    answer.TakeLastEvents(events);
    CheckEvents(events);
  } else {
    CAIRN_CHECK(nlohmann::json::accept(answer.TakeWhole()));
  }
}

}  // namespace
}  // namespace cairn

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cairn;
  static const std::shared_ptr<const ServedModel> model = LetterModel(512);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto body = ParseJson(text, JsonLimits());
  if (!body.ok()) {
    CAIRN_CHECK(nlohmann::json::accept(ErrorBody(body.status())));
    return 0;
  }
  for (const OpenAiEndpoint endpoint : {OpenAiEndpoint::kChat, OpenAiEndpoint::kCompletions}) {
    const auto call = ReadOpenAiCall(endpoint, *body, *model, CallLimits(), 1);
    if (!call.ok()) {
      CAIRN_CHECK(nlohmann::json::accept(ErrorBody(call.status())));
      continue;
    }
    CAIRN_CHECK(!call->prompts.empty() && call->choices() <= CallLimits().choices);
    CAIRN_CHECK(call->options.sampling.temperature >= 0 && call->options.sampling.temperature <= 2);
    CAIRN_CHECK_GT(call->options.max_tokens, 0u);
    for (const auto& prompt : call->prompts) {
      CAIRN_CHECK_LE(prompt.size() + call->options.max_tokens, model->context_length);
    }
    Answer(*call, model, text);
  }
  return 0;
}
