// The messages of a chat: roles, content parts, tool calls.
#include <nlohmann/json.hpp>

#include "absl/strings/str_join.h"
#include "scheduler/ingress/json_document.h"
#include "scheduler/ingress/openai_request.h"
#include "scheduler/ingress/status_map.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

using Json = nlohmann::ordered_json;

absl::StatusOr<std::string> JoinParts(const Json& parts, const std::string& path) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string at = TextCat(path, "[", i, "]");
    const Json& part = parts[i];
    if (!part.is_object() || !part.contains("type") || !part["type"].is_string()) {
      return InvalidField(at, "must be an object with a \"type\"");
    }
    const auto& type = part["type"].get_ref<const std::string&>();
    if (type != "text") {
      return UnsupportedField(
          TextCat(at, ".type"),
          TextCat("content of type \"", type, "\" is not supported; only \"text\" is"));
    }
    if (!part.contains("text") || !part["text"].is_string()) {
      return InvalidField(TextCat(at, ".text"), "must be a string");
    }
    text += part["text"].get_ref<const std::string&>();
  }
  return text;
}

// Clients send a call's arguments as JSON in a string; templates want the value itself.
absl::Status OpenArguments(Json& calls, const std::string& path) {
  if (!calls.is_array()) return InvalidField(path, "must be an array");
  for (size_t i = 0; i < calls.size(); ++i) {
    const std::string at = TextCat(path, "[", i, "].function");
    if (!calls[i].is_object() || !calls[i].contains("function") ||
        !calls[i]["function"].is_object()) {
      return InvalidField(at, "must be an object");
    }
    Json& function = calls[i]["function"];
    if (!function.contains("name") || !function["name"].is_string()) {
      return InvalidField(TextCat(at, ".name"), "must be a string");
    }
    if (!function.contains("arguments") || !function["arguments"].is_string()) continue;
    const std::string text = function["arguments"].get<std::string>();
    if (text.empty()) {
      function["arguments"] = Json::object();
      continue;
    }
    absl::StatusOr<Json> value = ParseJson(text, JsonLimits());
    if (!value.ok()) {
      return InvalidField(TextCat(at, ".arguments"), std::string(value.status().message()));
    }
    function["arguments"] = *std::move(value);
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> ReadMessage(const Json& message, const std::string& path) {
  if (!message.is_object()) return InvalidField(path, "must be an object");
  if (!message.contains("role") || !message["role"].is_string()) {
    return InvalidField(TextCat(path, ".role"), "must be a string");
  }
  Json out = message;
  const auto& role = message["role"].get_ref<const std::string&>();
  if (role == "developer") {
    out["role"] = "system";  // OpenAI's newer word for it, which templates do not know
  } else if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
    return InvalidField(TextCat(path, ".role"),
                        "must be one of system, developer, user, assistant, tool");
  }
  const std::string content_path = TextCat(path, ".content");
  const Json content = message.contains("content") ? message["content"] : Json();
  if (content.is_null()) {
    if (role != "assistant") return InvalidField(content_path, "is missing");
    out["content"] = "";
  } else if (content.is_array()) {
    absl::StatusOr<std::string> text = JoinParts(content, content_path);
    if (!text.ok()) return text.status();
    out["content"] = *std::move(text);
  } else if (!content.is_string()) {
    return InvalidField(content_path, "must be a string or an array of parts");
  }
  if (out.contains("tool_calls")) {
    if (out["tool_calls"].is_null()) {
      out.erase("tool_calls");
    } else if (absl::Status opened = OpenArguments(out["tool_calls"], TextCat(path, ".tool_calls"));
               !opened.ok()) {
      return opened;
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<Json> ReadMessages(const Json& messages, const CallLimits& limits) {
  if (!messages.is_array() || messages.empty()) {
    return InvalidField("messages", "must be an array of at least one message");
  }
  if (messages.size() > limits.messages) {
    return InvalidField("messages", TextCat("must be at most ", limits.messages, " messages"));
  }
  Json out = Json::array();
  for (size_t i = 0; i < messages.size(); ++i) {
    absl::StatusOr<Json> message = ReadMessage(messages[i], TextCat("messages[", i, "]"));
    if (!message.ok()) return message.status();
    out.push_back(*std::move(message));
  }
  return out;
}

}  // namespace cairn
