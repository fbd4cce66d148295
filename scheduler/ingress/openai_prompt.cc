#include "scheduler/ingress/openai_prompt.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "scheduler/ingress/status_map.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

using Json = nlohmann::ordered_json;

absl::Status CheckTools(const Json& tools) {
  if (!tools.is_array() || tools.size() > 128) {
    return InvalidField("tools", "must be an array of at most 128 tools");
  }
  for (size_t i = 0; i < tools.size(); ++i) {
    const std::string at = TextCat("tools[", i, "]");
    if (!tools[i].is_object()) return InvalidField(at, "must be an object");
    if (!tools[i].contains("type") || tools[i]["type"] != "function") {
      return UnsupportedField(TextCat(at, ".type"), "must be \"function\"");
    }
    if (!tools[i].contains("function") || !tools[i]["function"].is_object() ||
        !tools[i]["function"].contains("name") || !tools[i]["function"]["name"].is_string()) {
      return InvalidField(TextCat(at, ".function.name"), "must be a string");
    }
  }
  return absl::OkStatus();
}

// Which tools the template is to show; null: none.
const Json* ReadTools(FieldReader& fields) {
  const Json* tools = fields.Find("tools");
  const Json* choice = fields.Find("tool_choice");
  if (tools != nullptr) {
    if (absl::Status checked = CheckTools(*tools); !checked.ok()) fields.Fail(checked);
    if (tools->empty()) tools = nullptr;
  }
  if (choice == nullptr || *choice == "auto") return tools;
  if (*choice == "none") return nullptr;
  fields.Fail(UnsupportedField(
      "tool_choice", "only \"none\" and \"auto\" are supported: output is not constrained"));
  return nullptr;
}

void ReadChatPrompt(FieldReader& fields, const ServedModel& model, const CallLimits& limits,
                    OpenAiCall& call) {
  ChatInput chat;
  chat.tools = ReadTools(fields);
  chat.add_generation_prompt = fields.Bool("add_generation_prompt", true);
  chat.template_arguments = fields.Find("chat_template_kwargs");
  if (chat.template_arguments != nullptr && !chat.template_arguments->is_object()) {
    fields.Fail(InvalidField("chat_template_kwargs", "must be an object"));
  }
  const Json* given = fields.Find("messages");
  if (given == nullptr) return fields.Fail(InvalidField("messages", "is missing"));
  if (!fields.ok()) return;
  absl::StatusOr<Json> messages = ReadMessages(*given, limits);
  if (!messages.ok()) return fields.Fail(messages.status());
  chat.messages = &*messages;
  absl::StatusOr<std::vector<TokenId>> prompt = model.text->EncodeChat(chat);
  if (!prompt.ok()) return fields.Fail(prompt.status());
  call.prompts.push_back(*std::move(prompt));
}

void ReadTokenPrompt(FieldReader& fields, const Json& ids, const ServedModel& model,
                     OpenAiCall& call) {
  std::vector<TokenId> prompt;
  prompt.reserve(ids.size());
  for (const Json& id : ids) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= model.vocabulary_size) {
      return fields.Fail(InvalidField(
          "prompt", TextCat("token ids must be integers from 0 to ", model.vocabulary_size - 1)));
    }
    prompt.push_back(id.get<TokenId>());
  }
  call.prompts.push_back(std::move(prompt));
}

void ReadCompletionPrompts(FieldReader& fields, const ServedModel& model, const CallLimits& limits,
                           OpenAiCall& call) {
  const Json* given = fields.Find("prompt");
  if (given == nullptr) return fields.Fail(InvalidField("prompt", "is missing"));
  // A string, an array of strings, an array of token ids, or an array of arrays of token ids.
  const bool one =
      given->is_string() || (given->is_array() && !given->empty() && given->front().is_number());
  const Json list = one ? Json::array({*given}) : *given;
  if (!list.is_array() || list.empty()) {
    return fields.Fail(InvalidField(
        "prompt", "must be a string, an array of strings, or one or more arrays of token ids"));
  }
  if (list.size() * call.options.choices > limits.choices) {
    return fields.Fail(
        InvalidField("prompt", TextCat("prompts times n must be at most ", limits.choices)));
  }
  for (const Json& item : list) {
    if (!fields.ok()) return;
    if (item.is_string()) {
      absl::StatusOr<std::vector<TokenId>> prompt =
          model.text->Encode(item.get_ref<const std::string&>());
      if (!prompt.ok()) return fields.Fail(prompt.status());
      call.prompts.push_back(*std::move(prompt));
    } else if (item.is_array()) {
      ReadTokenPrompt(fields, item, model, call);
    } else {
      fields.Fail(InvalidField("prompt", "prompts must be strings or arrays of token ids"));
    }
  }
}

void FitPrompts(FieldReader& fields, const ServedModel& model, uint32_t max_tokens,
                OpenAiCall& call) {
  // OpenAI's completions stop after 16 tokens unless told otherwise; a chat goes on to its end.
  constexpr uint32_t kCompletionTokens = 16;
  uint32_t allowed = std::numeric_limits<uint32_t>::max();
  for (const std::vector<TokenId>& prompt : call.prompts) {
    if (prompt.empty()) {
      return fields.Fail(InvalidField("prompt", "must be of at least one token"));
    }
    const absl::StatusOr<uint32_t> fits = FitContext(prompt.size(), max_tokens, model);
    if (!fits.ok()) return fields.Fail(fits.status());
    allowed = std::min(allowed, *fits);
  }
  if (max_tokens == 0 && call.endpoint == OpenAiEndpoint::kCompletions) {
    allowed = std::min(allowed, kCompletionTokens);
  }
  call.options.max_tokens = allowed;
  if (call.options.min_tokens > allowed) {
    fields.Fail(
        InvalidField("min_tokens", TextCat("must be at most max_tokens, which is ", allowed)));
  }
}

}  // namespace

absl::StatusOr<uint32_t> FitContext(size_t prompt_tokens, uint32_t max_tokens,
                                    const ServedModel& model) {
  const uint32_t context = model.context_length;
  const auto exceeded = [&](std::string_view field, std::string_view detail) {
    return WithErrorCode(
        InvalidField(field, TextCat("this model's context is ", context, " tokens; ", detail)),
        "context_length_exceeded");
  };
  if (prompt_tokens >= context) {
    return exceeded("prompt", TextCat("the prompt alone is ", prompt_tokens,
                                      " tokens and leaves no room for an answer"));
  }
  const auto room = static_cast<uint32_t>(context - prompt_tokens);
  if (max_tokens == 0) return room;
  if (max_tokens > room) {
    return exceeded("max_tokens",
                    TextCat("the prompt's ", prompt_tokens, " and the answer's ", max_tokens,
                            " exceed it; max_tokens can be at most ", room));
  }
  return max_tokens;
}

void ReadPrompts(FieldReader& fields, const ServedModel& model, const CallLimits& limits,
                 uint32_t max_tokens, OpenAiCall& call) {
  if (call.endpoint == OpenAiEndpoint::kChat) {
    ReadChatPrompt(fields, model, limits, call);
  } else {
    ReadCompletionPrompts(fields, model, limits, call);
  }
  if (fields.ok()) FitPrompts(fields, model, max_tokens, call);
}

}  // namespace cairn
