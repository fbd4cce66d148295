// A model's chat template: the Jinja program in its file that turns a conversation into a prompt.
// Runs it as Python's jinja2 does under transformers' apply_chat_template, byte for byte, and keeps
// apart what the template says and what users say, so that no message can spell a control token.
//
//   messages, tools ──▶ Render ──▶ <|im_start|>user\n   Hello <|im_end|>   <|im_end|>\n ...
//                                  special              text               special
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "scheduler/tokenizer/civil_time.h"
#include "scheduler/tokenizer/text_segment.h"

namespace cairn {

namespace jinja {
struct Node;
}

struct ChatTemplateInput {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools;      // null: the template sees none
  nlohmann::ordered_json documents;  // null: the template sees none
  bool add_generation_prompt = true;
  // More variables of the request (chat_template_kwargs): an object, or null.
  nlohmann::ordered_json extra;
  // bos_token, eos_token and the like: their texts are special.
  std::vector<std::pair<std::string, std::string>> special_tokens;
  // For templates that print the date (strftime_now).
  std::optional<CivilTime> now;
};

// Immutable; may be rendered by several threads at once.
class ChatTemplate {
 public:
  // InvalidArgument, with line and column: not a template, or one that uses a filter, test, tag,
  // function or method that this interpreter does not have.
  static absl::StatusOr<ChatTemplate> Parse(std::string_view source);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // Neighbouring segments differ in kind; none is empty.
  // InvalidArgument: the template refuses this conversation (with its own words), or has an error
  // that this conversation meets. ResourceExhausted: the rendering takes more steps or memory than
  // allowed.
  absl::StatusOr<std::vector<TextSegment>> Render(const ChatTemplateInput& input) const;

 private:
  explicit ChatTemplate(std::unique_ptr<const jinja::Node> root);
  std::unique_ptr<const jinja::Node> root_;
};

// The whole text of a rendering.
std::string JoinSegments(const std::vector<TextSegment>& segments);

}  // namespace cairn
