#include "scheduler/tokenizer/chat_template.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/jinja_parser.h"
#include "scheduler/tokenizer/jinja_renderer.h"

namespace cairn {

namespace {

using jinja::Json;
using jinja::Value;

// A role that every template knows by heart is as good as written in it.
bool IsPlainRole(const Value& role) {
  constexpr std::array<std::string_view, 4> kRoles = {"system", "user", "assistant", "tool"};
  for (std::string_view known : kRoles) {
    if (role.Is(jinja::Kind::kString) && role.str() == known) return true;
  }
  return false;
}

Value WithTrustedRoles(const Value& messages) {
  if (!messages.Is(jinja::Kind::kSequence)) return messages;
  std::vector<Value> trusted;
  for (const Value& message : messages.sequence().items) {
    trusted.push_back(message);
    if (!message.Is(jinja::Kind::kDict)) continue;
    std::vector<std::pair<Value, Value>> entries = message.dict().entries;
    for (auto& [key, value] : entries) {
      if (key.str() == "role" && IsPlainRole(value)) value = jinja::Literal(value.str());
    }
    trusted.back() = jinja::MakeDict(std::move(entries));
  }
  return jinja::MakeSequence(jinja::SequenceKind::kList, std::move(trusted));
}

absl::StatusOr<Value> ConvertJson(std::string_view name, const Json& json) {
  std::optional<Value> value = jinja::FromJson(json);
  if (value) return *std::move(value);
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(name), ": nested deeper than ", jinja::kValueDepthMax));
}

}  // namespace

ChatTemplate::ChatTemplate(std::unique_ptr<const jinja::Node> root) : root_(std::move(root)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

absl::StatusOr<ChatTemplate> ChatTemplate::Parse(std::string_view source) {
  absl::StatusOr<jinja::NodePtr> root = jinja::ParseTemplate(source);
  if (!root.ok()) return root.status();
  return ChatTemplate(*std::move(root));
}

absl::StatusOr<std::vector<TextSegment>> ChatTemplate::Render(
    const ChatTemplateInput& input) const {
  jinja::Renderer renderer(jinja::RenderLimits{}, input.now);
  absl::StatusOr<Value> messages = ConvertJson("messages", input.messages);
  if (!messages.ok()) return messages.status();
  renderer.SetGlobal("messages", WithTrustedRoles(*messages));
  for (const auto& [name, json] : {std::pair<const char*, const Json*>{"tools", &input.tools},
                                   {"documents", &input.documents}}) {
    absl::StatusOr<Value> value = ConvertJson(name, *json);
    if (!value.ok()) return value.status();
    renderer.SetGlobal(name, *value);
  }
  renderer.SetGlobal("add_generation_prompt", Value::Bool(input.add_generation_prompt));
  for (const auto& [name, token] : input.special_tokens) {
    renderer.SetGlobal(name, jinja::Literal(token));
  }
  if (input.extra.is_object()) {
    for (const auto& [name, json] : input.extra.items()) {
      absl::StatusOr<Value> value = ConvertJson(name, json);
      if (!value.ok()) return value.status();
      renderer.SetGlobal(name, *value);
    }
  }
  absl::StatusOr<jinja::Text> text = renderer.Render(*root_);
  if (!text.ok()) return text.status();
  return text->Segments();
}

std::string JoinSegments(const std::vector<TextSegment>& segments) {
  std::string text;
  for (const TextSegment& segment : segments) text += segment.text;
  return text;
}

}  // namespace cairn
